"""Two clusters in one ClickHouse that have ends of the same names."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sql.client import connect
from sql.settings import ClickHouse
from tests.console import asking
from tests.integration.clickhouse import flow, flows, insert_levels

pytestmark = pytest.mark.integration

UNTIL = int(time.time()) // 60 * 60 - 300
RANGE: dict[str, Any] = {"since": UNTIL - 300, "until": UNTIL}
SIZES = {"blue": 1000, "green": 30}
S3 = {
    "server_kind": "aws_service", "server_service": "S3", "server_namespace": "",
    "server_workload": "", "server_pod": "", "server_node": "", "server_zone": "",
}  # fmt: skip
HOST = {"client_kind": "node", "client_namespace": "", "client_workload": "n1", "client_pod": ""}
HIT = {"packets_to_server": 5000, "packets_to_client": 5000, "connections_attempted": 100}


def of(cluster: str) -> list[dict[str, Any]]:
    """The same in both, but for the bytes; in green connections fail."""
    window = datetime.fromtimestamp(UNTIL - 100, UTC)
    size, failed = SIZES[cluster], 50 if cluster == "green" else 0
    given: dict[str, Any] = {"window": window, "cluster": cluster, "bytes_to_server": size}
    return [
        flow(**given, **HIT, connections_refused=failed, cost_usd=Decimal(size) / 1000),
        flow(**given, **HIT, **S3),
        flow(**given, **HIT, **HOST),
    ]


@pytest.fixture(scope="module")
def console(server: ClickHouse) -> TestClient:
    with contextlib.closing(connect(server)) as client:
        for cluster in SIZES:
            insert_levels(client, flows(*of(cluster)), cluster)
    return asking(server)


def get(console: TestClient, path: str, **parameters: Any) -> Any:
    answer = console.get(f"/api/{path}", params=RANGE | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def drawn(answer: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(one["client"], one["server"]): one["bytes_to_server"] for one in answer["edges"]}


def column(answer: dict[str, Any], name: str) -> list[Any]:
    place = [one["name"] for one in answer["columns"]].index(name)
    return [row[place] for row in answer["rows"]]


ENDS = {
    "namespace": ("namespace:{}shop", "namespace:{}shop", "node:{}"),
    "workload": ("workload:{}shop/cart", "workload:{}shop/redis", "node:{}"),
    "pod": ("pod:{}shop/cart-1", "pod:{}shop/redis-1", "node:{}n1"),
}


@pytest.mark.parametrize("ends", ENDS)
def test_an_end_is_of_its_cluster_and_aws_is_of_none(console: TestClient, ends: str) -> None:
    both: dict[tuple[str, str], int] = {}
    for cluster, size in SIZES.items():
        cart, redis, host = (name.format(f"{cluster}/") for name in ENDS[ends])
        both |= {(cart, redis): size, (cart, "aws_service:S3"): size, (host, redis): size}
    assert drawn(get(console, "map", ends=ends)) == both
    alone = {
        tuple(end.replace("green/", "") for end in pair): size
        for pair, size in both.items()
        if "green" in pair[0]
    }
    assert drawn(get(console, "map", ends=ends, cluster="green")) == alone


@pytest.mark.parametrize("ends", ENDS)
def test_a_panel_tells_of_the_ends_of_one_cluster(console: TestClient, ends: str) -> None:
    for cluster, size in SIZES.items():
        cart, redis, host = (name.format(f"{cluster}/") for name in ENDS[ends])
        edge = get(console, "edge", client=cart, server=redis)
        assert edge["now"]["bytes_to_server"] == size
        found = get(console, "conversations", client=cart, server=redis)
        assert column(found, "bytes_to_server") == [size]
        peers = {peer["id"] for peer in get(console, "end", id=redis, ends=ends)["peers"]}
        assert peers - {"aws_service:S3"} == {cart, host}


def test_what_is_folded_stays_within_its_cluster(console: TestClient) -> None:
    found = drawn(get(console, "map", limit=1))
    green = {pair: size for pair, size in found.items() if "others:green/shop" in pair}
    assert green == {
        ("others:green/shop", "others:green/shop"): 30,
        ("others:green/shop", "others:"): 30,
        ("others:", "others:green/shop"): 30,
    }


def test_tables_health_costs_and_changes_tell_the_cluster(console: TestClient) -> None:
    table = get(console, "flows/cluster", search="green/shop")
    assert set(column(table, "client")) == {"green/shop/cart", "green/n1"}
    with_s3 = get(console, "flows/aws")
    assert set(column(with_s3, "server_id")) == {"aws_service:S3"}
    (sick,) = get(console, "health")["edges"]
    assert sick["client"] == "workload:green/shop/cart"
    assert sick["sentence"].startswith("50 % of connections fail")
    costs = {one["namespace"]: one["cost_usd"] for one in get(console, "costs")["by_namespace"]}
    assert costs == {"blue/shop": 1, "green/shop": 0.03}
    changed = get(console, "changes")["changes"]
    assert {one["client"] for one in changed if one["change"] == "new"} == {
        "workload:blue/shop/cart", "workload:green/shop/cart", "node:blue/", "node:green/",
    }  # fmt: skip


def test_the_sql_of_a_table_gives_the_table(console: TestClient, server: ClickHouse) -> None:
    answer = get(console, "flows/cluster", search="blue")
    with contextlib.closing(connect(server)) as client:
        assert [list(row) for row in client.query(answer["sql"]).result_rows] == answer["rows"]


def test_choices_are_those_of_the_cluster(console: TestClient) -> None:
    assert get(console, "status")["clusters"] == ["blue", "green"]
    assert get(console, "status", cluster="green")["namespaces"] == ["shop"]
    assert get(console, "status", cluster="none")["namespaces"] == []
