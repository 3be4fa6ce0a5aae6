"""The network as a file: nothing is lost on the way, and what is broken is named."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from stream.errors import MalformedFileError
from stream.files import Followed
from stream.network import file
from stream.network.model import Network
from tests.unit.account import NETWORK


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "network.json"
    path.write_text(file.dump(NETWORK))
    return path


def change(path: Path, *keys: Any, to: Any) -> None:
    document = json.loads(path.read_text())
    part = document
    for key in keys[:-1]:
        part = part[key]
    if to is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = to
    path.write_text(json.dumps(document))


def test_a_network_comes_back_as_it_was_written(path: Path) -> None:
    assert file.load(path) == NETWORK


@pytest.mark.parametrize(
    ("keys", "to", "said"),
    [
        (("subnets", 2, "cidrs", 0), "10.0.32/20", "field subnets[2].cidrs[0] is not a CIDR"),
        (("subnets", 2, "cidrs"), "10.0.32.0/20", "field subnets[2].cidrs is not a list"),
        (("subnets", 2, "zone_id"), None, "field subnets[2].zone_id is missing"),
        (("subnets", 2, "zone"), 3, "field subnets[2].zone is not a string: 3"),
        (("subnets", 2, "vpc"), "vpc-gone", "field subnets[2].vpc refers to nothing"),
        (("subnets", 0, "route_table"), "rt-0", "field subnets[0].route_table refers to nothing"),
        (
            ("route_tables", 0, "routes", 3, "target"),
            "teleport",
            "field route_tables[0].routes[3].target is not one of local, internet_gateway",
        ),
        (
            ("nat_gateways", 0, "addresses", 0),
            "x",
            "field nat_gateways[0].addresses[0] is not an IP",
        ),
        (("nat_gateways", 0, "subnet"), "s", "field nat_gateways[0].subnet refers to nothing"),
        (("endpoints", 1, "private_dns"), "yes", "field endpoints[1].private_dns is not true or"),
        (("endpoints", 1, "interfaces", 0, "subnet"), "s", "field endpoints[1].interfaces[0].sub"),
        (("peerings", 0, "accepter", "region"), None, "field peerings[0].accepter.region is miss"),
        (("vpcs", 0), [], "field vpcs[0] is not an object"),
        (("vpc",), "vpc-other", "field vpc refers to nothing in this file: 'vpc-other'"),
        (("gateways",), [], "field gateways is not known"),
    ],
)
def test_a_broken_field_is_named(path: Path, keys: tuple[Any, ...], to: Any, said: str) -> None:
    change(path, *keys, to=to)
    with pytest.raises(MalformedFileError) as caught:
        file.load(path)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert "flowatlas network" in caught.value.message


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ("[]", "is not an object")])
def test_a_file_of_something_else_is_refused(path: Path, text: str, said: str) -> None:
    path.write_text(text)
    with pytest.raises(MalformedFileError, match=said):
        file.load(path)


def test_the_last_good_version_stays_in_use(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    followed = Followed(str(path), file.load, Network())
    followed.read()
    with caplog.at_level(logging.ERROR):
        path.write_text("{ half a file")
        assert not followed.refresh()
    assert followed.content == NETWORK
    assert "is not JSON" in caplog.text
    path.write_text(file.dump(Network(region="eu-west-1")))
    assert followed.refresh()
    assert followed.content.region == "eu-west-1"
