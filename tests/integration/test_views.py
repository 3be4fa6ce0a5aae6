"""The views that people open first: what they hold, from which level, and how little they read."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from sql import ask
from sql.client import connect
from sql.schema import LEVELS
from sql.settings import ClickHouse
from tests.integration.clickhouse import empty, flow, flows, insert_levels

pytestmark = pytest.mark.integration

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
KINDS = ("pod", "node", "service", "aws_service", "internet", "on_prem", "unknown")
THREE = ("cluster_flows", "aws_service_flows", "external_flows")
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
"""The start of this hour."""


@pytest.fixture
def client(server: ClickHouse) -> Iterator[Client]:
    with connect(server) as client:
        empty(client)
        yield client


def put(client: Client, *rows: dict[str, Any]) -> None:
    insert_levels(client, flows(*rows), f"{random.getrandbits(64):x}")


def rows(client: Client, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(query).result_rows]


def between(view: str, since: datetime, until: datetime) -> str:
    return f"{view}_between(since = '{since:%F %T}', until = '{until:%F %T}')"


def test_every_conversation_is_in_one_of_three_views(client: Client) -> None:
    pairs = list(product(KINDS, KINDS))
    put(
        client,
        *(
            flow(window=NOW - HOUR, client_kind=one, server_kind=other, bytes_to_server=2**place)
            for place, (one, other) in enumerate(pairs)
        ),
    )
    for form in ("{}", between("{}", NOW - HOUR, NOW), between("{}", NOW - 9 * HOUR, NOW)):
        found = [
            rows(client, f"SELECT sum(bytes_to_server) FROM {form.format(view)}")[0][0]
            for view in THREE
        ]
        assert sum(found) == 2 ** len(pairs) - 1, form
        assert found[0] & found[1] == found[0] & found[2] == found[1] & found[2] == 0
        inside = [one in KINDS[:3] and other in KINDS[:3] for one, other in pairs]
        assert found[0] == sum(2**place for place, cluster in enumerate(inside) if cluster)


def test_external_flows_tell_which_way_and_to_whom(client: Client) -> None:
    out = {"server_kind": "internet", "server_dns_name": "example.com"}
    into = {"client_kind": "on_prem", "client_dns_name": "desk.corp"}
    put(client, flow(window=NOW - HOUR, **out), flow(window=NOW - HOUR, **into))
    told = rows(client, "SELECT direction, remote_kind, remote_name FROM external_flows ORDER BY 1")
    assert told == [("in", "on_prem", "desk.corp"), ("out", "internet", "example.com")]


@pytest.mark.parametrize(
    ("ago", "length", "seconds"),
    [
        (timedelta(minutes=30), timedelta(minutes=15), 10),
        (timedelta(minutes=30), timedelta(minutes=16), 60),
        (6 * HOUR, 6 * HOUR, 60),
        (7 * HOUR, 7 * HOUR, 3600),
        (timedelta(days=2, hours=12), timedelta(minutes=5), 60),
        (timedelta(days=29, hours=12), timedelta(minutes=5), 3600),
    ],
)
def test_the_level_suits_the_range_and_what_is_kept(
    client: Client, ago: timedelta, length: timedelta, seconds: int
) -> None:
    since = datetime.now(UTC) - ago
    window = datetime.fromtimestamp(since.timestamp() // 10 * 10, UTC)
    put(client, flow(window=window, bytes_to_server=7))
    for view in ("edges", "node_health"):
        found = rows(client, f"SELECT seconds, window FROM {between(view, since, since + length)}")
        start = datetime.fromtimestamp(since.timestamp() // seconds * seconds, UTC)
        assert found == [(seconds, start.replace(tzinfo=None))]


def test_a_view_without_bounds_goes_on_by_the_hour_where_minutes_end(client: Client) -> None:
    instants = [NOW - number * HOUR for number in (1, 23, 24, 25, 26, 100, 800)]
    for instant in instants:
        put(client, flow(window=instant + HOUR / 2, bytes_to_server=7))
    for view, measure in (("cluster_flows", "bytes_to_server"), ("node_health", "bytes_sent")):
        found = rows(client, f"SELECT window, sum({measure}) FROM {view} GROUP BY 1")
        sums: dict[datetime, int] = {}
        for window, size in found:
            hour = window.replace(minute=0, tzinfo=UTC)
            sums[hour] = sums.get(hour, 0) + size
        assert sums == dict.fromkeys(instants, 7), view


def test_an_ends_health_is_what_it_told_itself(client: Client) -> None:
    there = {"window": NOW - HOUR, "bytes_to_server": 100, "bytes_to_client": 9}
    put(client, flow(**there, retransmitted_segments=2, connections_established=1))
    put(
        client,
        flow(**there, node="n2", reporter=2, retransmitted_segments=5, connections_established=1),
    )
    columns = (
        "sum(bytes_sent), sum(bytes_received), sum(retransmitted_segments),"
        " sum(connections_opened), sum(connections_accepted)"
    )
    by_node = rows(client, f"SELECT node, {columns} FROM node_health GROUP BY 1 ORDER BY 1")
    assert by_node == [("n1", 100, 9, 2, 1, 0), ("n2", 9, 100, 5, 0, 1)]
    by_pod = rows(client, f"SELECT pod, {columns} FROM pod_health GROUP BY 1 ORDER BY 1")
    assert by_pod == [("cart-1", 100, 9, 2, 1, 0), ("redis-1", 9, 100, 5, 0, 1)]


def test_changes_are_pairs_against_the_week_before(client: Client) -> None:
    lately, before = NOW - HOUR, NOW - HOUR - WEEK
    mib = 1 << 20
    was = {"a": 0, "b": 5 * mib, "c": mib, "d": 10 * mib, "e": 100}
    now = {"a": mib, "b": 0, "c": 3 * mib, "d": 11 * mib, "e": 900}
    for window, sizes in ((before, was), (lately, now)):
        for name, size in sizes.items():
            if size:
                put(
                    client,
                    flow(
                        window=window,
                        client_workload=name,
                        bytes_to_server=size,
                        packets_to_server=1,
                    ),
                )
    found = rows(client, "SELECT client, change, bytes, bytes_before FROM changes ORDER BY 1")
    assert found == [
        ("shop/a", "new", mib, 0),
        ("shop/b", "vanished", 0, 5 * mib),
        ("shop/c", "grown", 3 * mib, mib),
    ]


def test_without_a_week_before_nothing_is_new(client: Client) -> None:
    put(client, flow(window=NOW - HOUR, bytes_to_server=1, packets_to_server=1))
    put(client, flow(window=NOW, bytes_to_server=1, packets_to_server=1))
    assert rows(client, "SELECT * FROM changes") == []


def test_a_share_within_a_bound_is_the_quantiles_inverse(client: Client) -> None:
    histogram = "CAST(map(3, 90, 7, 10), 'Map(UInt8, UInt64)')"
    for level in (0.01, 0.5, 0.9, 0.95, 1.0):
        inverse = f"flowatlasShareWithin({histogram}, flowatlasQuantile({histogram}, {level}))"
        assert rows(client, f"SELECT {inverse}")[0][0] == pytest.approx(level)
    assert rows(client, f"SELECT flowatlasShareWithin({histogram}, 10)") == [(0.0,)]
    both = f"flowatlasQuantiles({histogram}, [0.5, 0.95])"
    each = [f"flowatlasQuantile({histogram}, {level})" for level in (0.5, 0.95)]
    assert rows(client, f"SELECT {both} = [{', '.join(each)}]") == [(1,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sum(bytes_to_server) FROM cluster_flows WHERE window >= now() - INTERVAL 1 HOUR",
        "SELECT sum(bytes_sent) FROM node_health WHERE window >= now() - INTERVAL 1 HOUR",
        "SELECT sum(bytes_to_server) FROM "
        "edges_between(since = now() - INTERVAL 1 HOUR, until = now())",
        f"SELECT count() FROM changes WHERE hour = '{NOW - HOUR:%F %T}'",
    ],
)
def test_days_not_asked_for_are_not_read(client: Client, query: str) -> None:
    for day in range(12):
        put(client, flow(window=NOW - HOUR - timedelta(days=day)))
    plan = "\n".join(row[0] for row in rows(client, f"EXPLAIN indexes = 1 {query}"))
    tables = plan.split("ReadFromMergeTree")[1:]
    traffic = [
        text
        for text in tables
        if "Parts: " in text and any(f".{level})" in text.splitlines()[0] for level in LEVELS)
    ]
    assert traffic
    for text in traffic:
        assert int(re.findall(r"Parts: (\d+)/\d+", text)[-1]) <= 2, text
    assert all("flows_10s" not in text.splitlines()[0] for text in traffic)


def test_each_pod_is_ranked_by_its_own_nodes_report_with_whom_it_sends_most_to(
    client: Client,
) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    told = {"window": minute, "bytes_to_server": 100, "bytes_to_client": 7}
    put(
        client,
        flow(**told),
        flow(**(told | {"node": "n2", "reporter": 2, "bytes_to_server": 90})),
        flow(**(told | {"server_workload": "other", "bytes_to_server": 3, "bytes_to_client": 5})),
    )
    found = ask.run(client, "top-senders", "TSV", False, minutes="60")
    assert found.splitlines() == [
        "shop/cart-1\tn1\t103.00 B\t12.00 B\tshop/redis",
        "shop/redis-1\tn2\t7.00 B\t90.00 B\tshop/cart",
    ]
    assert len(ask.run(client, "top-senders", "TSV", False, limit="1").splitlines()) == 1
