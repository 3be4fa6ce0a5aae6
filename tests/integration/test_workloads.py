"""Rows of workloads, with what is unclaimed, come to what the reports come to."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from sql import ends
from sql.client import connect
from sql.schema import COUNTERS, COUNTERS_SINCE_2
from sql.settings import ClickHouse
from sql.workloads import MEASURES
from tests.integration.clickhouse import empty, flow, flows, insert_levels

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)
FIRST = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 8 * HOUR
ENDS = (
    {"kind": "pod", "namespace": "shop", "workload": "cart", "zone": "zone-a"},
    {"kind": "pod", "namespace": "shop", "workload": "redis", "zone": "zone-b"},
    {"kind": "internet", "namespace": "", "workload": "", "zone": ""},
)
NODES = ("with-agent", "with-agent-too", "silent", "")
AGENTS = NODES[:2]
FUNCTIONS = {"min": "min", "max": "max", "histogram": "sumMap", "reasons": "sumMap"}
VIEWS = {"flows_10s": "edges_10s", "flows_1m": "edges", "flows_1h": "edges_1h"}
BY_PAIR = "client_kind, client_workload, server_kind, server_workload, path"


@pytest.fixture
def client(server: ClickHouse) -> Iterator[Client]:
    with connect(server) as client:
        empty(client)
        yield client


def reported(draw: random.Random) -> dict[str, Any]:
    """By an agent, of a conversation with any other end."""
    near, far = draw.choice(ENDS[:2]), draw.choice(ENDS)
    reporter = draw.choice((1, 2))
    near_side, far_side = ("client", "server") if reporter == 1 else ("server", "client")
    node = draw.choice(AGENTS)
    ends = {f"{near_side}_{name}": value for name, value in near.items()}
    ends |= {f"{far_side}_{name}": value for name, value in far.items()}
    far_node = draw.choice(NODES) if far["kind"] == "pod" else ""
    ends |= {f"{near_side}_node": node, f"{far_side}_node": far_node}
    ends |= {f"{far_side}_pod": draw.choice(("p1", "p2")), f"{far_side}_method": "pod_ip"}
    numbers = {name: draw.randrange(1000) for name in (*COUNTERS, *COUNTERS_SINCE_2)}
    histograms = {
        f"{name}_histogram": sorted({draw.randrange(24): draw.randrange(1, 9)}.items())
        for name in ("rtt", "connect_latency")
    }
    extremes = {f"rtt_{name}": draw.choice((None, draw.randrange(9999))) for name in ("min", "max")}
    money = {name: Decimal(draw.randrange(10**9)) / 10**12 for name in ("cost_usd", "cost_far_usd")}
    return flow(
        window=FIRST + timedelta(seconds=10 * draw.randrange(5 * 360)),
        node=node,
        reporter=reporter,
        path=draw.choice((1, 2)),
        drop_reasons=[("NO_SOCKET", draw.randrange(1, 5))],
        unpriced_bytes=draw.randrange(100),
        **(ends | numbers | histograms | extremes | money),
    )


def summed(names: Iterable[str]) -> str:
    return ", ".join(
        f"{FUNCTIONS.get(name.rpartition('_')[2], 'sum')}({name})"
        for name in names
        if name != "flow_rows"
    )


def by_pair(client: Client, rows: str) -> list[tuple[Any, ...]]:
    question = f"SELECT {BY_PAIR}, {summed(MEASURES)} FROM {rows} GROUP BY ALL ORDER BY ALL"
    return [tuple(row) for row in client.query(question).result_rows]


def fill(client: Client, seed: int) -> random.Random:
    draw = random.Random(seed)
    for batch in range(3):
        insert_levels(client, flows(*(reported(draw) for _ in range(150))), f"{seed} {batch}")
    return draw


@pytest.mark.parametrize("level", ["flows_10s", "flows_1m", "flows_1h"])
def test_every_measure_of_every_pair_is_that_of_the_reports(client: Client, level: str) -> None:
    fill(client, 7)
    rule = f"(SELECT * FROM reports WHERE rollup = '{level}')"
    found = by_pair(client, f"(SELECT * FROM workload_reports WHERE rollup = '{level}')")
    assert len(found) > 10
    assert found == by_pair(client, rule)
    assert found == by_pair(client, VIEWS[level])
    late = flow(window=FIRST, node="silent", client_node="silent", bytes_to_server=1)
    insert_levels(client, flows(late), "an agent after all")
    assert by_pair(client, f"(SELECT * FROM workload_reports WHERE rollup = '{level}')") == by_pair(
        client, rule
    )


@pytest.mark.parametrize("level", ["flows_1m", "flows_1h"])
def test_every_measure_of_every_end_is_that_of_its_own_reports(client: Client, level: str) -> None:
    fill(client, 5)
    window = "toStartOfHour(window)" if level == "flows_1h" else "window"
    what = f"{window} AS window, node, {', '.join(ends.DIMENSIONS)}, {summed(ends.MEASURES)}"
    found, rule = (
        client.query(f"SELECT {what} FROM {rows} GROUP BY ALL ORDER BY ALL").result_rows
        for rows in (
            f"(SELECT * FROM end_reports WHERE rollup = '{level}')",
            "(SELECT * FROM own_reports WHERE rollup = 'flows_1m')",
        )
    )
    assert len(found) > 10
    assert found == rule


def test_sums_of_any_range_are_exact_to_the_minute(client: Client) -> None:
    draw = fill(client, 11)
    for _ in range(12):
        since = FIRST + timedelta(minutes=draw.randrange(300))
        until = since + timedelta(minutes=draw.choice((1, 7, 10, 59, 60, 61, 125, 240)))
        bounds = f"{since.timestamp():.0f}", f"{until.timestamp():.0f}"
        found = by_pair(client, f"edges_summed(since = {bounds[0]}, until = {bounds[1]})")
        within = f"window >= {bounds[0]} AND window < {bounds[1]}"
        rule = f"(SELECT * FROM reports WHERE rollup = 'flows_1m' AND {within})"
        assert found == by_pair(client, rule), (since, until)


def test_a_range_whose_minutes_are_gone_is_told_by_the_hour(client: Client) -> None:
    old = datetime.now(UTC).replace(minute=20, second=0, microsecond=0) - timedelta(days=40)
    insert_levels(client, flows(flow(window=old, bytes_to_server=7)), "old")
    client.command("TRUNCATE TABLE workloads_1m")
    client.command("TRUNCATE TABLE workloads_10m")
    since = old.timestamp() - 300
    found = client.query(
        f"SELECT seconds, bytes_to_server FROM edges_summed(since = {since:.0f}, until = now())"
    ).result_rows
    assert found == [(3600, 7)]


def test_what_counts_of_silent_nodes_is_read_without_the_rows_of_pods(client: Client) -> None:
    ends = {"window": FIRST, "node": "with-agent", "server_node": "with-agent", "reporter": 2}
    pods = [
        flow(**ends, client_pod=f"p{n}", client_node="silent", bytes_to_server=1)
        for n in range(500)
    ]
    insert_levels(client, flows(*pods), "told")
    assert asked(client) == 500
    heard = ends | {"node": "silent", "reporter": 1, "client_node": "silent", "bytes_to_server": 7}
    insert_levels(client, flows(flow(**heard)), "heard after all")
    assert asked(client) == 7


def asked(client: Client) -> int:
    """What sums of all are."""
    bounds = f"since = {FIRST.timestamp():.0f}, until = now()"
    answer = client.query(f"SELECT sum(bytes_to_server) FROM edges_summed({bounds})")
    assert int(answer.summary["read_rows"]) < 50
    return int(answer.result_rows[0][0])
