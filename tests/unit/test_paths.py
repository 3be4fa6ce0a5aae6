"""Where a packet goes: what the examples of prices do not show."""

from __future__ import annotations

import logging
from dataclasses import replace
from ipaddress import ip_network

import numpy as np
import pytest

from stream.addresses import pack
from stream.network.model import Network, Target
from stream.paths import Path, Paths, Router
from stream.places import End, Ends, Gazetteer
from stream.price_book import builtin
from stream.pricer import Pricer
from tests.unit.account import NETWORK, route
from tests.unit.test_price_examples import ENDS


def paths(network: Network, pairs: list[tuple[End, End]], external_snat: bool = False) -> Paths:
    gazetteer = Gazetteer(network, external_snat)
    clients, servers = zip(*pairs, strict=True)
    return Router(gazetteer).paths(
        gazetteer.locate(Ends.each(clients)), gazetteer.locate(Ends.each(servers))
    )


def path(client: End, server: End, network: Network = NETWORK) -> Path:
    return Path(paths(network, [(client, server)]).path[0])


def pod(address: str, zone: str = "", zone_id: str = "") -> End:
    return End(pack(address), "pod", zone, zone_id)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (("us-east-1a", "use1-az1"), ("us-east-1a", "use1-az2"), Path.CROSS_ZONE),
        (("us-east-1a", "use1-az1"), ("us-east-1b", "use1-az1"), Path.SAME_ZONE),
        (("us-east-1a", ""), ("", "use1-az1"), Path.SAME_ZONE),
        (("us-east-1a", ""), ("us-east-1b", ""), Path.CROSS_ZONE),
        (("moon-1a", ""), ("moon-1a", ""), Path.SAME_ZONE),
        (("moon-1a", ""), ("", "mn1-az1"), Path.UNKNOWN),
        (("us-east-1a", ""), ("", ""), Path.UNKNOWN),
    ],
)
def test_zones_are_compared_by_id_where_known(
    one: tuple[str, str], other: tuple[str, str], found: Path
) -> None:
    ends = pod("172.30.0.1", *one), pod("172.30.0.2", *other)
    assert path(*ends) == path(*ends[::-1]) == found


def test_many_pairs_at_once_go_the_ways_of_each_alone() -> None:
    chosen = np.random.default_rng(7).choice(list(ENDS), (60, 2))
    pairs = [(ENDS[client], ENDS[server]) for client, server in chosen]
    together = paths(NETWORK, pairs)
    for number, pair in enumerate(pairs):
        alone = paths(NETWORK, [pair])
        assert [column[number] for column in (together.path, together.transfer)] == [
            column[0] for column in (alone.path, alone.transfer)
        ]


def test_a_pods_packets_leave_from_its_nodes_subnet_unless_told_otherwise() -> None:
    """Pods in zone 1's subnet with an endpoint for S3, node in one without."""
    client = End(pack("10.0.0.10"), "pod", host=pack("10.0.16.2"))
    for external, found in ((False, Path.NAT), (True, Path.GATEWAY_ENDPOINT)):
        assert paths(NETWORK, [(client, ENDS["S3"])], external).path[0] == found


def test_the_longest_prefix_wins_and_of_equal_ones_the_first() -> None:
    to_site = (
        route("0.0.0.0/0", Target.INTERNET_GATEWAY, "igw-1"),
        route("8.8.0.0/16", Target.BLACKHOLE),
        route("8.8.8.0/24", Target.VIRTUAL_PRIVATE_GATEWAY, "vgw-1"),
        route("8.8.8.0/24", Target.INTERNET_GATEWAY, "igw-1"),
    )
    tables = tuple(
        replace(table, routes=to_site) if table.id == "public" else table
        for table in NETWORK.route_tables
    )
    network = replace(NETWORK, route_tables=tables)
    client = ENDS["pod on a public node"]
    ways = {"8.8.8.8": Path.ON_PREM, "8.8.4.4": Path.UNKNOWN, "8.9.0.1": Path.INTERNET}
    for address, found in ways.items():
        assert path(client, End(pack(address), "internet"), network) == found


def test_a_private_nat_gateway_leads_where_its_own_subnets_routes_do() -> None:
    """From a range that the site does not know, by a NAT gateway, to the site."""
    tables = {table.id: table for table in NETWORK.route_tables}
    routes = (*tables["isolated"].routes, route("192.168.0.0/16", Target.NAT_GATEWAY, "nat-1"))
    tables["isolated"] = replace(tables["isolated"], routes=routes)
    network = replace(NETWORK, route_tables=tuple(tables.values()))
    ends = ENDS["pod of an isolated subnet"], ENDS["site by transit gateway"]
    found = paths(network, [ends])
    assert (found.path[0], found.behind[0]) == (Path.NAT, Path.ON_PREM)
    assert found.transit[0]


def test_where_ranges_overlap_the_clusters_vpc_wins() -> None:
    twin = replace(NETWORK.vpcs[1], id="vpc-a-twin", cidrs=(ip_network("10.0.0.0/16"),))
    stray = replace(NETWORK.subnets[5], id="a-twin", vpc="vpc-a-twin", zone_id="use1-az6", cidrs=(
        ip_network("10.0.0.0/20"),
    ))  # fmt: skip
    network = replace(NETWORK, vpcs=(twin, *NETWORK.vpcs), subnets=(stray, *NETWORK.subnets))
    ends = End(pack("10.0.0.10"), "pod"), End(pack("10.0.0.11"), "pod", zone_id="use1-az1")
    assert path(*ends, network) == Path.SAME_ZONE


def test_no_range_is_the_sites_once_others_are_listed() -> None:
    stranger = End(pack("10.99.0.1"), "on_prem")
    vgw = route("10.99.0.0/16", Target.VIRTUAL_PRIVATE_GATEWAY, "vgw-1")
    assert path(ENDS["pod in 1"], stranger) == Path.NAT
    tables = tuple(replace(t, routes=(*t.routes, vgw)) for t in NETWORK.route_tables)
    network = replace(NETWORK, route_tables=tables)
    assert path(ENDS["pod in 1"], stranger, network) == Path.ON_PREM


def test_a_region_that_no_book_knows_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Pricer(replace(NETWORK, region="us-west-2"), builtin())
        assert not caplog.text
        Pricer(replace(NETWORK, region="mx-central-1"), builtin())
    assert "region=mx-central-1" in caplog.text
