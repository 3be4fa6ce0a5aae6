"""The map and its panels against the rows that they were made of."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from fastapi.testclient import TestClient

from sql.client import connect
from sql.console.app import application
from sql.console.scope import scope
from sql.console.settings import Settings
from sql.console.store import Store, text
from sql.settings import ClickHouse
from tests.integration.clickhouse import flow, flows, insert_levels

pytestmark = pytest.mark.integration

UNTIL = int(time.time()) // 3600 * 3600
"""The end of the range asked for, of which the hour before is the range."""
NOW = datetime.fromtimestamp(UNTIL - 1800, UTC)
EARLIER = datetime.fromtimestamp(UNTIL - 5400, UTC)
RANGE: dict[str, Any] = {"since": UNTIL - 3600, "until": UNTIL}
CROSS, SAME, NAT, INTERNET = 2, 1, 4, 8
OUTSIDE: dict[str, Any] = {"server_namespace": "", "server_workload": "", "server_pod": ""}
OUTSIDE |= {"server_node": "", "server_zone": "", "server_port": 443}


def of(when: datetime) -> list[dict[str, Any]]:
    """What an ordinary hour has."""
    hit = {"packets_to_server": 600, "packets_to_client": 400, "connections_attempted": 10}
    ways = {"path": CROSS, "path_behind": CROSS}
    near = {"server_zone": "zone-a", "server_pod": "redis-2", "server_node": "n3"}
    return [
        flow(window=when, bytes_to_server=1000, bytes_to_client=200, **hit, **ways),
        flow(
            window=when, bytes_to_server=50, path=SAME, path_behind=SAME, **near,
            rtt_count=100, rtt_histogram=[(2, 90), (9, 10)], cost_usd=Decimal("0.5"),
        ),
        flow(
            window=when, bytes_to_client=7000, server_kind="aws_service", server_service="S3",
            server_dns_name="bucket.s3.amazonaws.com", path=NAT, path_behind=INTERNET, **OUTSIDE,
            gateway="nat-1",
        ),
    ]  # fmt: skip


NEW = flow(
    window=NOW, bytes_to_server=30, server_kind="internet", server_dns_name="api.example.com",
    connections_attempted=60, connections_timed_out=60, **OUTSIDE,
    dropped_packets=3, drop_reasons=[("NETFILTER_DROP", 3)],
)  # fmt: skip
SERVED = flow(
    window=NOW, reporter=2, node="n2", path=CROSS, path_behind=CROSS,
    connections_half_open=4, connections_handshake_reset=2, listen_overflows=1,
)  # fmt: skip
HOST = flow(
    window=NOW, bytes_to_server=9, client_kind="node", client_namespace="", client_pod="",
    client_workload="n1", server_kind="service", server_service="bank/web",
    server_namespace="", server_workload="", server_pod="",
)  # fmt: skip


@pytest.fixture(scope="module")
def client(server: ClickHouse) -> Iterator[Client]:
    with contextlib.closing(connect(server)) as client:
        insert_levels(client, flows(*of(EARLIER), *of(NOW), NEW, SERVED, HOST), "token")
        yield client


@pytest.fixture(scope="module")
def web(server: ClickHouse, client: Client) -> TestClient:
    return TestClient(application(Store(Settings(clickhouse=server))))


def got(web: TestClient, resource: str, /, **parameters: Any) -> dict[str, Any]:
    answer = web.get(f"/api/{resource}", params=RANGE | parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_pair(answer: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(edge["client"], edge["server"]): edge for edge in answer["edges"]}


CAUSES = (
    "connections_refused", "connections_timed_out", "connections_unreachable", "connections_reset",
    "connections_half_open", "connections_handshake_reset", "listen_overflows",
)  # fmt: skip
CART, REDIS = "workload:shop/cart", "workload:shop/redis"


def test_ends_have_their_ids_at_each_grain(web: TestClient) -> None:
    assert set(by_pair(got(web, "map"))) == {
        (CART, REDIS),
        (CART, "aws_service:S3"),
        (CART, "internet:api.example.com"),
        ("node:", "service:bank/web"),
    }
    assert set(by_pair(got(web, "map", ends="namespace"))) == {
        ("namespace:shop", "namespace:shop"),
        ("namespace:shop", "aws_service:S3"),
        ("namespace:shop", "internet:api.example.com"),
        ("node:", "namespace:bank"),
    }
    assert set(by_pair(got(web, "map", ends="pod"))) == {
        ("pod:shop/cart-1", "pod:shop/redis-1"),
        ("pod:shop/cart-1", "pod:shop/redis-2"),
        ("pod:shop/cart-1", "aws_service:S3"),
        ("pod:shop/cart-1", "internet:api.example.com"),
        ("node:n1", "service:bank/web"),
    }


@pytest.mark.parametrize("ends", ["namespace", "workload", "pod"])
def test_the_sums_are_those_of_plain_sql(web: TestClient, client: Client, ends: str) -> None:
    ((to_server, to_client, usd, attempts),) = client.query(
        "SELECT sum(bytes_to_server), sum(bytes_to_client), sum(cost_usd),"
        " sum(connections_attempted) FROM edges_1h"
        f" WHERE window >= {UNTIL - 3600} AND window < {UNTIL}"
    ).result_rows
    answer = got(web, "map", ends=ends)
    edges = answer["edges"]
    assert sum(edge["bytes_to_server"] for edge in edges) == to_server
    assert sum(edge["bytes_to_client"] for edge in edges) == to_client
    assert sum(edge["cost_usd"] for edge in edges) == float(usd)
    assert sum(edge["connections_attempted"] for edge in edges) == attempts
    assert answer["totals"]["bytes"] == to_server + to_client
    assert sum(node["bytes_sent"] for node in answer["nodes"]) == to_server + to_client
    assert sum(node["bytes_received"] for node in answer["nodes"]) == to_server + to_client


def test_an_edge_tells_its_ways_zones_and_money(web: TestClient) -> None:
    edge = by_pair(got(web, "map"))[CART, REDIS]
    assert edge["paths"] == ["cross_zone", "same_zone"]
    assert edge["cross_zone_bytes"] == 1200
    # Nothing was seen before the middle of the hour, so this is what half an hour costs.
    assert edge["cost_usd_month"] == pytest.approx(0.5 * 2 * 730)
    assert edge["rtt_p95"] == pytest.approx(2**13 * 2**0.5, rel=0.01)
    nodes = {node["id"]: node for node in got(web, "map")["nodes"]}
    assert (nodes[CART]["zone"], nodes[REDIS]["zone"]) == ("zone-a", "")
    assert by_pair(got(web, "map"))[CART, "aws_service:S3"]["paths"] == ["nat>internet"]


def test_new_is_what_was_not_there_in_the_range_before(web: TestClient) -> None:
    found = {pair for pair, edge in by_pair(got(web, "map")).items() if edge["is_new"]}
    assert found == {(CART, "internet:api.example.com"), ("node:", "service:bank/web")}


def test_with_nothing_before_nothing_is_new(web: TestClient) -> None:
    first = {"since": UNTIL - 7200, "until": UNTIL - 3600}
    assert not any(edge["is_new"] for edge in got(web, "map", **first)["edges"])


@pytest.mark.parametrize(("limit", "nodes"), [(1, 100), (100, 2), (2, 3)])
def test_what_is_folded_adds_up(web: TestClient, limit: int, nodes: int) -> None:
    whole = got(web, "map", ends="pod")
    part = got(web, "map", ends="pod", limit=limit, nodes=nodes)
    for name in ("bytes_to_server", "bytes_to_client", "connections_failed", "cost_usd"):
        assert sum(e[name] for e in part["edges"]) == sum(e[name] for e in whole["edges"])
    assert part["totals"] == whole["totals"]
    alone = {end["id"] for end in part["nodes"] if end["kind"] != "others"}
    assert len(whole["nodes"]) - len(alone) == part["folded"]["nodes"]
    kept = by_pair(part).keys() & by_pair(whole).keys()
    assert len(whole["edges"]) - len(kept) == part["folded"]["edges"]
    assert f"{part['folded']['edges']:,} of 5 edges" in part["folded"]["sentence"]
    for pair in kept:
        assert by_pair(part)[pair]["bytes_to_server"] == by_pair(whole)[pair]["bytes_to_server"]


def test_filters_leave_what_they_name(web: TestClient) -> None:
    assert set(by_pair(got(web, "map", kind="aws_service"))) == {(CART, "aws_service:S3")}
    assert set(by_pair(got(web, "map", search="api.exam"))) == {(CART, "internet:api.example.com")}
    assert set(by_pair(got(web, "map", path="same_zone"))) == {(CART, REDIS)}


def test_an_edges_panel_agrees_with_the_map(web: TestClient) -> None:
    for ends in ("namespace", "workload", "pod"):
        for (one, other), edge in by_pair(got(web, "map", ends=ends)).items():
            panel = got(web, "edge", client=one, server=other, ends=ends)
            assert panel["now"].items() <= edge.items()
            points = panel["points"]
            for measure in ("bytes_to_server", "connections_failed", *CAUSES):
                assert sum(point[measure] for point in points) == edge[measure]
            for split in ("paths", "ports", "zone_pairs"):
                size = edge["bytes_to_server"] + edge["bytes_to_client"]
                assert sum(part["bytes"] for part in panel[split]) == size
            assert (panel["before"] is None) == edge["is_new"]


def test_failures_are_told_by_cause_over_time(web: TestClient) -> None:
    def told(server: str) -> dict[int, dict[str, int]]:
        points = got(web, "edge", client=CART, server=server)["points"]
        by_time = {one["time"]: {c: one[c] for c in CAUSES if one[c]} for one in points}
        return {time: causes for time, causes in by_time.items() if causes}

    assert told("internet:api.example.com") == {UNTIL - 1800: {"connections_timed_out": 60}}
    as_served = {
        "connections_half_open": 4,
        "connections_handshake_reset": 2,
        "listen_overflows": 1,
    }
    assert told(REDIS) == {UNTIL - 1800: as_served}


def test_a_panel_tells_the_parts(web: TestClient) -> None:
    panel = got(web, "edge", client=CART, server=REDIS)
    assert [(z["client_zone"], z["server_zone"], z["bytes"]) for z in panel["zone_pairs"]] == [
        ("zone-a", "zone-b", 1200),
        ("zone-a", "zone-a", 50),
    ]
    assert panel["ports"] == [{"protocol": "TCP", "port": 6379, "bytes": 1250}]
    assert panel["before"]["bytes_to_server"] == 1050
    assert panel["last_week"] is None
    failing = got(web, "edge", client=CART, server="internet:api.example.com")
    assert failing["drop_reasons"] == {"NETFILTER_DROP": 3}
    assert failing["now"]["health"] < 60


def test_an_ends_panel_tells_the_other_ends(web: TestClient) -> None:
    peers = got(web, "end", id=CART)["peers"]
    assert [(peer["id"], peer["role"], peer["bytes"]) for peer in peers] == [
        ("aws_service:S3", "server", 7000),
        (REDIS, "server", 1250),
        ("internet:api.example.com", "server", 30),
    ]
    assert got(web, "end", id="namespace:bank")["peers"][0]["id"] == "node:"


def test_what_was_never_seen_is_404(web: TestClient) -> None:
    unknown: list[tuple[str, dict[str, str]]] = [
        ("end", {"id": "pod:a/b"}),
        ("edge", {"client": CART, "server": CART}),
    ]
    for path, asked in unknown:
        answer = web.get(f"/api/{path}", params=RANGE | asked)
        assert answer.status_code == 404
        assert "was not seen" in answer.json()["detail"]


def test_an_empty_time_is_an_empty_map(web: TestClient) -> None:
    empty = got(web, "map", since=0, until=600)
    assert (empty["nodes"], empty["edges"], empty["folded"]) == ([], [], None)


HEALTHY = {
    "retransmitted_segments": 0, "retransmitted_syns": 0, "segments": 10**6,
    "connections_failed": 0, "connections_refused": 0, "connections_reset": 0,
    "connections_attempted": 10**4, "listen_overflows": 0, "resets": 0, "zero_windows": 0,
    "dropped_packets": 0, "packets_to_server": 10**6, "packets_to_client": 0,
    "rtt_histogram": "map(2, 1000)", "rtt_p95": 120,
}  # fmt: skip
SICK = [
    ({}, 100),
    ({"retransmitted_segments": 200}, 98.8),  # 0.02 %
    ({"retransmitted_segments": 5_000}, 70),  # 0.5 %
    ({"retransmitted_segments": 60_000}, 40),
    ({"retransmitted_segments": 5_000, "retransmitted_syns": 5_000}, 100),
    ({"connections_failed": 1_000}, 75),
    ({"connections_failed": 1_000, "connections_refused": 1_000, "resets": 1_000}, 75),
    ({"connections_failed": 10_000}, 50),
    ({"connections_failed": 1, "connections_attempted": 1}, 95),
    ({"retransmitted_segments": 3, "segments": 9}, 94),
    ({"dropped_packets": 1, "packets_to_server": 1}, 98),
    ({"rtt_p95": 10**6}, 90),
    ({"rtt_p95": 10**6, "rtt_histogram": "map(15, 19)"}, 100),
    ({"rtt_p95": "NULL", "rtt_histogram": "map()"}, 100),
    ({"connections_failed": 9**9, "retransmitted_segments": 9**9, "resets": 9**9}, 0),
]


@pytest.mark.parametrize(("given", "score"), SICK)
def test_health_falls_with_what_is_wrong_but_not_with_few_samples(
    client: Client, given: dict[str, Any], score: float
) -> None:
    values = ", ".join(f"{value} AS {name}" for name, value in (HEALTHY | given).items())
    values = values.replace("map() AS", "CAST(map(), 'Map(UInt8, UInt64)') AS")
    values = values.replace("NULL AS", "CAST(NULL, 'Nullable(Float64)') AS")
    asked = f"SELECT {text('health')} FROM (SELECT {values})"
    assert client.query(asked).result_rows[0][0] == pytest.approx(score, abs=0.06)


@pytest.mark.parametrize(("length", "seconds"), [(60, 10), (300, 60), (900, 60), (3600, 60)])
def test_a_short_range_has_the_sums_of_its_windows_by_whatever_they_are_read(
    web: TestClient, client: Client, length: int, seconds: int
) -> None:
    since = UNTIL - 1800 - length // 2 // 60 * 60
    ((size,),) = client.query(
        "SELECT sum(bytes_to_server + bytes_to_client) FROM edges"
        f" WHERE window >= {since} AND window < {since + length}"
    ).result_rows
    answer = got(web, "map", since=since, until=since + length)
    assert answer["seconds"] == seconds
    assert answer["totals"]["bytes"] == size > 0


@pytest.mark.parametrize("ago", [0, 2 * 86400 - 60 - 900, 2 * 86400 + 60, 29 * 86400 + 60])
@pytest.mark.parametrize("length", [60, 900, 901, 6 * 3600, 6 * 3600 + 1, 7 * 86400])
def test_the_level_is_the_one_that_the_views_choose(client: Client, ago: int, length: int) -> None:
    until = int(time.time()) - ago
    asked = scope(last="15m", since=until - length, until=until)
    told = "SELECT flowatlasLevel(toDateTime({since:UInt32}), toDateTime({until:UInt32})) AS level"
    given = {"since": asked.since, "until": asked.until}
    asked_of = client.query(f"{told}, flowatlasSeconds(level)", parameters=given).result_rows
    assert asked_of == [(asked.level.name, asked.level.seconds)]


@pytest.mark.parametrize("ago", [0, 61, 599, 3601, 29 * 86400 + 60])
@pytest.mark.parametrize("length", [300, 899, 3600, 3 * 3600 + 7, 7 * 86400])
def test_the_pieces_are_those_of_the_view_for_sums(client: Client, ago: int, length: int) -> None:
    until = int(time.time()) - ago
    given = scope(last="15m", since=until - length, until=until).summed()
    moments = ", ".join(
        f"toUnixTimestamp({function})"
        for function in (
            "flowatlasFirst({since:DateTime})",
            "flowatlasInner({since:DateTime}, {until:DateTime}, 600)",
            "flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 600)",
            "flowatlasInner({since:DateTime}, {until:DateTime}, 3600)",
            "flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 3600)",
        )
    )
    (told,) = client.query(f"SELECT {moments}", parameters=given).result_rows
    assert told == tuple(
        int(given[name]) for name in ("first", "tens", "tens_end", "hours", "hours_end")
    )
