"""Lookups by prefix against a reference that tries every prefix on every address."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from ipaddress import ip_network
from pathlib import Path

import numpy as np
import pytest

from stream.addresses import bounds, pack
from stream.evidence import Confidence
from stream.ip_ranges import read
from stream.prefixes import SPECIAL, UNKNOWN, Class, Prefix, Prefixes, rank, site

IP_RANGES = Path(__file__).parents[3] / "shared" / "data" / "ip-ranges.json"


@pytest.fixture(scope="module")
def all_prefixes() -> list[Prefix]:
    assert IP_RANGES.exists(), f"the true copy of AWS's ip-ranges.json is missing at {IP_RANGES}"
    return [*SPECIAL, *read(IP_RANGES)]


@pytest.fixture(scope="module")
def table(all_prefixes: list[Prefix]) -> Prefixes:
    return Prefixes(all_prefixes)


def by_trying_all(prefixes: list[Prefix], addresses: list[int], table: Prefixes) -> np.ndarray:
    """Codes of ascending addresses: each prefix put over those of lower rank."""
    codes = np.full(len(addresses), table.classes.index(UNKNOWN))
    numbers = {owner: number for number, owner in enumerate(table.classes)}
    for prefix in sorted(prefixes, key=lambda p: rank(p.owner, ip_network(p.network).prefixlen)):
        first, last = bounds(ip_network(prefix.network))
        within = slice(bisect_left(addresses, first), bisect_right(addresses, last))
        codes[within] = numbers[prefix.owner]
    return codes


def test_lookups_agree_with_trying_every_prefix(
    all_prefixes: list[Prefix], table: Prefixes
) -> None:
    """First, middle and last address of every prefix and their neighbours, and random ones."""
    chooser = random.Random(5)
    asked = {chooser.randrange(1 << 128) for _ in range(5_000)}
    asked |= {0xFFFF << 32 | chooser.randrange(1 << 32) for _ in range(50_000)}
    for prefix in all_prefixes:
        first, last = bounds(ip_network(prefix.network))
        asked |= {first - 1, first, (first + last) // 2, last, last + 1}
    addresses = sorted(address for address in asked if 0 <= address < 1 << 128)
    packed = np.frombuffer(b"".join(address.to_bytes(16) for address in addresses), "V16")
    expected = by_trying_all(all_prefixes, addresses, table)
    assert (table.lookup(packed) == expected).all()
    assert len(np.unique(expected)) == len(table.classes)


def test_a_batch_of_both_families_keeps_its_order(table: Prefixes) -> None:
    texts = ["3.5.140.1", "2600:1f18::1", "10.0.0.1", "::1", "93.184.216.34"] * 20_000
    packed_once = {text: pack(text) for text in texts}
    addresses = np.frombuffer(b"".join(packed_once[text] for text in texts), "V16")
    codes = table.lookup(addresses)
    assert [table.classes[code].kind for code in codes[:5]] == [
        "aws_service",
        "aws_service",
        "on_prem",
        "local",
        "internet",
    ]
    assert (codes.reshape(-1, 5) == codes[:5]).all()
    assert table.lookup(addresses[:0]).tolist() == []


@pytest.mark.parametrize(
    ("address", "said", "confidence"),
    [
        ("3.5.140.1", ("aws_service", "S3", "ap-northeast-2"), Confidence.HIGH),
        ("52.119.224.1", ("aws_service", "DYNAMODB", "us-east-1"), Confidence.HIGH),
        ("2600:1f18::1", ("aws_service", "EC2", "us-east-1"), Confidence.LOW),
        ("93.184.216.34", ("internet", "", ""), Confidence.MEDIUM),
        ("203.0.113.9", ("internet", "", ""), Confidence.MEDIUM),
        ("2001:4860:4860::8888", ("internet", "", ""), Confidence.MEDIUM),
        ("172.31.255.255", ("on_prem", "", ""), Confidence.MEDIUM),
        ("172.32.0.0", ("internet", "", ""), Confidence.MEDIUM),
        ("100.64.0.1", ("on_prem", "", ""), Confidence.MEDIUM),
        ("100.128.0.0", ("internet", "", ""), Confidence.MEDIUM),
        ("fd12::1", ("on_prem", "", ""), Confidence.MEDIUM),
        ("127.0.0.53", ("local", "", ""), Confidence.HIGH),
        ("169.254.169.254", ("local", "", ""), Confidence.HIGH),
        ("fe80::1", ("local", "", ""), Confidence.HIGH),
        ("::1", ("local", "", ""), Confidence.HIGH),
        ("::", ("unknown", "", ""), Confidence.NONE),
        ("224.0.0.251", ("unknown", "", ""), Confidence.NONE),
        ("255.255.255.255", ("unknown", "", ""), Confidence.NONE),
        ("ff02::fb", ("unknown", "", ""), Confidence.NONE),
    ],
)
def test_known_addresses(
    table: Prefixes, address: str, said: tuple[str, str, str], confidence: Confidence
) -> None:
    (code,) = table.lookup(np.array([pack(address)], "V16"))
    assert table.classes[code][:3] == said
    assert table.confidence[code] == confidence
    words = {name: field.words[field.numbers[code]] for name, field in table.fields.items()}
    assert tuple(words.values()) == table.classes[code]


def test_the_sites_own_wins_over_a_service_over_ec2_over_amazon() -> None:
    layers = [
        Prefix("9.0.0.0/8", Class("aws_service", "S3")),
        Prefix("9.1.0.0/16", Class("aws_service", "EC2")),
        Prefix("9.1.1.0/24", Class("aws_service", "AMAZON")),
        Prefix("8.0.0.0/8", Class("aws_service", "EC2")),
        Prefix("8.1.0.0/16", Class("aws_service", "AMAZON")),
        Prefix("8.1.1.0/24", Class("aws_service", "DYNAMODB")),
        Prefix("8.1.1.1/32", Class("aws_service", "S3")),
        *site(["9.1.1.128/25", "2001:db8::/32"], "berlin"),
    ]
    asked = [
        *("9.1.1.1", "8.1.0.1", "8.1.1.2", "8.1.1.1", "8.1.1.0", "9.1.1.129", "2001:db8::1"),
        "10.0.0.0",
    ]
    table = Prefixes(layers)
    codes = table.lookup(np.array([pack(text) for text in asked], "V16"))
    found = [table.classes[code].service for code in codes]
    assert found == ["S3", "EC2", "DYNAMODB", "S3", "DYNAMODB", "berlin", "berlin", ""]
    assert table.classes[codes[5]].method == "site_range"


def test_a_table_of_nothing_knows_nothing() -> None:
    table = Prefixes([])
    codes = table.lookup(np.array([pack("1.2.3.4"), pack("2600::1")], "V16"))
    assert [table.classes[code] for code in codes] == [UNKNOWN, UNKNOWN]
