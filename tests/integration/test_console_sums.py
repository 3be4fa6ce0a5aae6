"""The map as the console adds it up, against the same in SQL, over many rows of all kinds."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from string import Template
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from fastapi.testclient import TestClient

from sql.client import connect
from sql.console.folding import drawn
from sql.console.scope import scope
from sql.console.store import text
from sql.settings import ClickHouse
from tests.console import asking
from tests.integration.clickhouse import flow, flows, insert_levels

pytestmark = pytest.mark.integration

EDGES = Path(__file__).with_name("map_edges.sql").read_text()
UNTIL = int(time.time()) // 3600 * 3600 - 660
"""So that a range up to here has minutes, ten minutes and hours in it."""
CLUSTERS = ("blue", "green")
ROWS = 700
SIDES = ("client", "server")
GRAINS = ("namespace", "workload", "pod")
FILTERS: list[dict[str, Any]] = [
    {},
    {"cluster": "green"},
    {"namespace": ["shop", "bank"]},
    {"kind": ["node", "internet"]},
    {"zone": ["zone-a"]},
    {"path": ["nat", "cross_zone"]},
    {"label": ["app=web"]},
    {"search": "GREEN/shop/c"},
    {"search": "example.com", "namespace": ["shop"], "path": ["internet"]},
    {"namespace": ["nowhere"]},
]


def end(draw: random.Random, side: str) -> dict[str, Any]:
    """One of either side, such that there are several of each kind and name."""
    kind = draw.choice(["pod"] * 4 + ["service", "node", "aws_service", "internet", "on_prem"])
    inside = kind in ("pod", "service", "node")
    namespace = draw.choice(["shop", "bank", "it's"]) if inside and kind != "node" else ""
    workload = draw.choice(["cart", "web"]) if kind in ("pod", "node") else ""
    services = {
        "aws_service": ["S3", "SQS"],
        "service": ["shop/web", "bank/web"],
        "on_prem": ["hq"],
    }
    told = {
        "kind": kind,
        "namespace": "" if kind == "service" and draw.random() < 0.5 else namespace,
        "workload": workload,
        "pod": f"{workload}-{draw.randint(1, 3)}" if kind == "pod" and draw.random() < 0.9 else "",
        "node": draw.choice(["n1", "n2", "silent"]) if inside else "",
        "service": draw.choice(services.get(kind, ["", "shop/web"])),
        "dns_name": "" if inside else draw.choice(["", "api.example.com", "übung.example.com"]),
        "zone": draw.choice(["zone-a", "zone-b", ""]) if inside else "",
        "labels": [("app", draw.choice(["web", "db"]))] if kind == "pod" else [],
    }
    return {f"{side}_{name}": value for name, value in told.items()}


def row(draw: random.Random, cluster: str) -> dict[str, Any]:
    """A report with all that health looks at, in amounts that tell little and in such that tell
    much."""
    much = draw.choice([3, 100, 30_000])
    counts = (
        "connections_attempted", "connections_established", "connections_refused",
        "connections_timed_out", "connections_reset", "connections_unreachable",
        "connections_half_open", "connections_handshake_reset", "listen_overflows", "resets_sent",
        "resets_received", "zero_windows_sent", "zero_windows_received", "retransmitted_segments",
        "retransmitted_syns", "dropped_packets", "unpriced_bytes",
    )  # fmt: skip
    path = draw.randint(0, 9)
    return flow(
        window=datetime.fromtimestamp(UNTIL - draw.randrange(0, 3 * 3600, 10), UTC),
        cluster=cluster, node=draw.choice(["n1", "n2"]), reporter=draw.choice([1, 2]),
        protocol=draw.choice([6, 6, 17]), server_port=draw.choice([53, 443]),
        path=path, path_behind=path if path != 4 else draw.choice([4, 5, 8]),
        **end(draw, "client"), **end(draw, "server"),
        **{name: draw.choice([0, 0, draw.randint(0, much)]) for name in counts},
        **{f"bytes_to_{to}": draw.randrange(10 ** draw.randint(1, 12)) for to in SIDES},
        **{f"packets_to_{to}": draw.randint(0, 20 * much) for to in SIDES},
        cost_usd=Decimal(draw.randrange(10**9)).scaleb(-12),
        rtt_histogram=histogram(draw), connect_latency_histogram=histogram(draw),
    )  # fmt: skip


def histogram(draw: random.Random) -> list[tuple[int, int]]:
    buckets = draw.sample(range(24), draw.randint(0, 4))
    return [(bucket, draw.randint(1, 9)) for bucket in sorted(buckets)]


@pytest.fixture(scope="module")
def client(server: ClickHouse) -> Iterator[Client]:
    draw = random.Random(7)
    with contextlib.closing(connect(server)) as client:
        for cluster in CLUSTERS:
            rows = [row(draw, cluster) for _ in range(ROWS)]
            insert_levels(client, flows(*rows), cluster)
        yield client


@pytest.fixture(scope="module")
def console(server: ClickHouse, client: Client) -> TestClient:
    return asking(server)


def edges_in_sql(
    client: Client, ends: str, asked: dict[str, Any], shown: dict[Any, Any]
) -> list[dict[str, Any]]:
    words = {name: asked.get(name, []) for name in ("namespace", "kind", "zone", "path", "label")}
    one = {name: asked.get(name, "") for name in ("cluster", "search")}
    where = scope(last="15m", since=asked["since"], until=asked["until"], **one, **words)
    where = replace(where, apart=not where.cluster)
    given = where.parameters() | {"pairs": list(shown), "shown": list(shown.values())}
    names = ("ends", "way", "measures")
    statement = Template(EDGES).substitute({name: text(name, ends).rstrip() for name in names})
    return list(client.query(statement, parameters=given).named_results())


def same(found: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Whether edges are those of SQL, all that they tell, and in that order."""
    pairs = [(row["client"], row["server"]) for row in rows]
    assert [(edge["client"], edge["server"]) for edge in found["edges"]] == pairs
    of_others = ("is_new", "cost_usd_month")
    for edge, row in zip(found["edges"], rows, strict=True):
        told = {name: value for name, value in edge.items() if name not in of_others}
        assert told == {name: about(row[name]) for name in told}
    assert found["nodes"] == [
        node | {"zone": zone} for node, zone in zip(found["nodes"], zones(rows, found), strict=True)
    ]


def about(value: Any) -> Any:
    """Powers and logarithms may differ in their last digit."""
    return pytest.approx(value, rel=1e-12, abs=0) if isinstance(value, float) else value


def zones(rows: list[dict[str, Any]], found: dict[str, Any]) -> list[str]:
    of: dict[str, set[str]] = {}
    for row in rows:
        for side in SIDES:
            of.setdefault(row[side], set()).add(row[f"{side}_zone"])
    return [of[node["id"]].pop() if len(of[node["id"]]) == 1 else "" for node in found["nodes"]]


def got(console: TestClient, **asked: Any) -> dict[str, Any]:
    answer = console.get("/api/map", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("asked", FILTERS, ids=str)
@pytest.mark.parametrize("ends", GRAINS)
def test_edges_are_those_of_sql(
    console: TestClient, client: Client, ends: str, asked: dict[str, Any]
) -> None:
    asked = {"since": UNTIL - 7200 + 100, "until": UNTIL} | asked
    found = got(console, ends=ends, **asked)
    assert found["edges"] or asked.get("namespace") == ["nowhere"]
    same(found, edges_in_sql(client, ends, asked, {}))


@pytest.mark.parametrize("seconds", [240, 900, 5000])
def test_a_range_of_any_length_has_the_edges_of_sql(
    console: TestClient, client: Client, seconds: int
) -> None:
    asked = {"since": UNTIL - seconds, "until": UNTIL}
    same(got(console, **asked), edges_in_sql(client, "workload", asked, {}))


@pytest.mark.parametrize(("limit", "nodes"), [(10, 100), (1000, 8), (20, 12)])
@pytest.mark.parametrize("ends", GRAINS)
def test_what_is_folded_is_that_of_sql(
    console: TestClient, client: Client, ends: str, limit: int, nodes: int
) -> None:
    asked = {"since": UNTIL - 7200, "until": UNTIL}
    rows = edges_in_sql(client, ends, asked, {})
    pairs = [
        (row["client"], row["server"], row["bytes_to_server"] + row["bytes_to_client"])
        for row in rows
    ]
    shown = {pair[:2]: becomes for pair, becomes in drawn(pairs, limit, nodes)}
    found = got(console, ends=ends, limit=limit, nodes=nodes, **asked)
    assert found["folded"]["edges"] == sum(pair != becomes for pair, becomes in shown.items())
    same(found, edges_in_sql(client, ends, asked, shown))


@pytest.mark.parametrize("ends", GRAINS)
def test_new_is_what_sql_does_not_find_before(
    console: TestClient, client: Client, ends: str
) -> None:
    since, length = UNTIL - 1500, 1500
    before = {"since": since - length, "until": since, "cluster": "blue"}
    known = {(row["client"], row["server"]) for row in edges_in_sql(client, ends, before, {})}
    found = got(console, since=since, until=UNTIL, cluster="blue", ends=ends)
    new = {(edge["client"], edge["server"]) for edge in found["edges"] if edge["is_new"]}
    every = {(edge["client"], edge["server"]) for edge in found["edges"]}
    assert known
    assert new == every - known
    assert new or ends == "namespace"
