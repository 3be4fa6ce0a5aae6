"""The demo's network leads each flow the way that the shop's story needs."""

from __future__ import annotations

import json
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from deploy.local.demo.inventory import inventory
from deploy.local.demo.network import ENDPOINT, NAT, TRANSIT, network
from deploy.local.demo.shop import SHOP
from stream import ip_ranges
from stream.addresses import pack
from stream.cluster import Cluster
from stream.columns import join
from stream.inventory import load
from stream.network import file
from stream.network.model import Network
from stream.paths import Path as Way
from stream.paths import Router
from stream.places import End, Ends, Gazetteer
from stream.prefixes import SPECIAL, Prefixes
from stream.resolve import Resolver
from stream.seen_names import SeenNames
from tests.unit.stream_batches import SECOND, batch, name_rows

S3 = End(pack("52.216.8.45"), "aws_service", service="S3", region="us-east-1")
DYNAMODB = End(pack("52.94.2.10"), "aws_service", service="DYNAMODB", region="us-east-1")
TRACKER = End(pack("93.184.215.14"), "internet")
LEDGER = End(pack("192.168.40.10"), "on_prem")
SQS = End(pack("10.8.1.20"), "aws_service", service="SQS", region="us-east-1")
NODE_B = End(pack("10.0.2.10"), "node")
WAYS = [
    ("node-a", S3, (Way.GATEWAY_ENDPOINT, Way.GATEWAY_ENDPOINT, ENDPOINT)),
    ("node-b", S3, (Way.NAT, Way.AWS_PUBLIC, NAT)),
    ("node-b", DYNAMODB, (Way.NAT, Way.AWS_PUBLIC, NAT)),
    ("node-a", TRACKER, (Way.NAT, Way.INTERNET, NAT)),
    ("node-c", LEDGER, (Way.ON_PREM, Way.ON_PREM, "vgw-0demo")),
    ("node-c", SQS, (Way.CROSS_ZONE, Way.CROSS_ZONE, TRANSIT)),
    ("node-a", NODE_B, (Way.CROSS_ZONE, Way.CROSS_ZONE, "")),
]


@pytest.fixture(scope="module")
def demo() -> Network:
    with as_file(files("deploy.local.demo") / "ip_ranges.json") as ranges:
        return network(SHOP, ranges)


def test_it_is_a_network_file(demo: Network, tmp_path: Path) -> None:
    (tmp_path / "network.json").write_text(file.dump(demo))
    assert file.load(tmp_path / "network.json") == demo


@pytest.mark.parametrize(("node", "server", "way"), WAYS)
def test_flows_go_by_the_way_of_the_story(
    demo: Network, node: str, server: End, way: tuple[int, int, str]
) -> None:
    gazetteer = Gazetteer(demo)
    router = Router(gazetteer)
    (where,) = (each for each in SHOP.nodes if each.name == node)
    client = gazetteer.locate(Ends.each([End(pack(where.addresses_at(20)[0]), "pod")]))
    found = router.paths(client, gazetteer.locate(Ends.each([server])))
    gateway = router.gateways.list()[found.gateway[0]]
    assert (found.path[0], found.behind[0], gateway) == way


def test_sqs_is_known_by_the_name_that_payment_was_told_and_by_nothing_else(
    tmp_path: Path,
) -> None:
    (payment,) = SHOP.pods_of("payment")
    node, now = payment.node.name, time.time_ns()
    (tmp_path / "inventory.json").write_text(json.dumps(inventory(SHOP)))
    cluster, seen = Cluster(), SeenNames(100)
    cluster.take(load(tmp_path / "inventory.json"), now)
    with as_file(files("deploy.local.demo") / "ip_ranges.json") as ranges:
        prefixes = Prefixes([*SPECIAL, *ip_ranges.read(ranges)])
    row: dict[str, Any] = {"client_address": payment.addresses[0], "server_address": "10.8.1.20"}
    row |= {"interval_start": now, "interval_end": now + SECOND, "pod_uid": payment.uid}

    def told() -> tuple[str, str, str, str]:
        resolver = Resolver(cluster, prefixes, seen)
        (server,) = resolver.resolve(join([batch([row], node)])).server
        end = resolver.endpoints[server]
        return end.kind, end.service, end.method, end.confidence

    assert told()[:2] == ("on_prem", "")
    answer = {"receiver": payment.addresses[0], "address": "10.8.1.20", "pod_uid": payment.uid}
    seen.add(name_rows([answer | {"name": "sqs.us-east-1.amazonaws.com", "time": now}]), node)
    assert told() == ("aws_service", "SQS", "dns", "high")
