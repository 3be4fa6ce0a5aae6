"""Prefix classification against a reference that tries every prefix."""

from __future__ import annotations

import random
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from stream.addresses import bounds, pack
from stream.classify import (
    SPECIAL,
    UNKNOWN,
    Class,
    Classifier,
    Prefix,
    aws_prefixes,
    flatten,
    rank,
)
from stream.errors import MalformedFileError

IP_RANGES = Path(__file__).parents[3] / "shared" / "data" / "ip-ranges.json"


@pytest.fixture(scope="module")
def aws() -> list[Prefix]:
    assert IP_RANGES.exists(), f"the true copy of AWS's ip-ranges.json is missing at {IP_RANGES}"
    return aws_prefixes(IP_RANGES)


@pytest.fixture(scope="module")
def classifier(aws: list[Prefix]) -> Classifier:
    return flatten([*SPECIAL, *aws])


def by_trying_all(prefixes: Iterable[Prefix], addresses: list[int]) -> list[Class]:
    spans = [(*bounds(ip_network(p.network)), p) for p in prefixes]
    found = []
    for address in addresses:
        covering = [p for first, last, p in spans if first <= address <= last]
        ranked = [(rank(p.owner, ip_network(p.network).prefixlen), p.owner) for p in covering]
        found.append(max(ranked)[1] if ranked else UNKNOWN)
    return found


def test_every_interval_agrees_with_trying_all_prefixes(
    aws: list[Prefix], classifier: Classifier
) -> None:
    chooser = random.Random(7)
    edges = [bounds(ip_network(p.network)) for p in chooser.sample(aws, 150)]
    addresses = [edge for first, last in edges for edge in (first - 1, first, last, last + 1)]
    addresses += [chooser.randrange(1 << 128) for _ in range(20)]
    packed = [address.to_bytes(16) for address in addresses]
    assert classifier.classify(packed) == by_trying_all([*SPECIAL, *aws], addresses)


@pytest.mark.parametrize(
    ("address", "kind", "service", "region"),
    [
        ("3.5.140.1", "aws_service", "S3", "ap-northeast-2"),
        ("52.119.224.1", "aws_service", "DYNAMODB", "us-east-1"),
        ("2600:1f18::1", "aws_service", "EC2", "us-east-1"),
        ("93.184.216.34", "internet", "", ""),
        ("203.0.113.9", "internet", "", ""),
        ("2001:4860:4860::8888", "internet", "", ""),
        ("172.31.255.255", "on_prem", "", ""),
        ("172.32.0.0", "internet", "", ""),
        ("100.64.0.1", "on_prem", "", ""),
        ("fd12::1", "on_prem", "", ""),
        ("127.0.0.53", "local", "", ""),
        ("169.254.169.254", "local", "", ""),
        ("fe80::1", "local", "", ""),
        ("::1", "local", "", ""),
        ("::", "unknown", "", ""),
        ("224.0.0.251", "unknown", "", ""),
        ("255.255.255.255", "unknown", "", ""),
        ("ff02::fb", "unknown", "", ""),
    ],
)
def test_known_addresses(
    classifier: Classifier, address: str, kind: str, service: str, region: str
) -> None:
    (found,) = classifier.classify([pack(address)])
    assert (found.kind, found.service) == (kind, service)
    assert found.region == region


def test_a_specific_service_wins_over_ec2_over_amazon() -> None:
    layers = [
        Prefix("9.0.0.0/8", Class("aws_service", "S3")),
        Prefix("9.1.0.0/16", Class("aws_service", "EC2")),
        Prefix("9.1.1.0/24", Class("aws_service", "AMAZON")),
        Prefix("8.0.0.0/8", Class("aws_service", "EC2")),
        Prefix("8.1.0.0/16", Class("aws_service", "AMAZON")),
        Prefix("8.1.1.0/24", Class("aws_service", "DYNAMODB")),
        Prefix("8.1.1.1/32", Class("aws_service", "S3")),
    ]
    asked = ["9.1.1.1", "8.1.0.1", "8.1.1.2", "8.1.1.1", "8.1.1.0", "10.0.0.0"]
    found = flatten(layers).classify([pack(str(ip_address(text))) for text in asked])
    assert [owner.service for owner in found] == ["S3", "EC2", "DYNAMODB", "S3", "DYNAMODB", ""]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not AWS's list"),
        ('{"prefixes": []}', "'ipv6_prefixes' is missing"),
        ('{"prefixes": [{"ip_prefix": "x"}], "ipv6_prefixes": []}', "is not AWS's list"),
    ],
)
def test_a_malformed_file_is_named_with_its_fault(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "ip-ranges.json"
    path.write_text(content)
    with pytest.raises(MalformedFileError) as caught:
        aws_prefixes(path)
    assert str(path) in caught.value.message
    assert said in caught.value.message
