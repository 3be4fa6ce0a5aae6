"""Every query of every dashboard, as Grafana sends it, on rows such as the stream makes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from benchmarks.grafana import ALL, Query, Range, Values, expand, queries
from sql.client import connect
from sql.insert import insert
from sql.migrate import migrate
from tests.integration.clickhouse import embedded, flow, flows, insert_levels, ledger

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC).replace(microsecond=0)
EVERYTHING: Values = {"cluster": ALL, "namespace": ALL, "workload": ALL}
ONE: Values = {"cluster": ["c", "d'or"], "namespace": ["shop"], "workload": ["cart", "web"]}
WHAT_THERE_IS_NOT_YET = {"cost: Internet egress by tiers (A)", "pipeline: Offsets (A)"}
"""The stream records prices and offsets; no stream runs here."""
RANGES = {
    "fifteen minutes": timedelta(minutes=15),
    "an hour": timedelta(hours=1),
    "a day": timedelta(days=1),
}


def busy(**given: Any) -> dict[str, Any]:
    """A row with something of everything in it."""
    row = flow(
        bytes_to_server=1000,
        bytes_to_client=5000,
        packets_to_server=10,
        packets_to_client=12,
        connections_attempted=3,
        connections_established=1,
        connections_refused=1,
        connections_timed_out=1,
        retransmitted_segments=1,
        resets_received=1,
        rtt_count=4,
        rtt_sum=1600,
        rtt_histogram=[(4, 4)],
        connect_latency_count=1,
        connect_latency_sum=500,
        connect_latency_histogram=[(5, 1)],
        dropped_packets=2,
        drop_reasons=[("NO_SOCKET", 2)],
        path=2,
        path_behind=2,
        cost_usd=Decimal("0.00001"),
    )
    return row | given


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    s3 = {"server_kind": "aws_service", "server_service": "S3", "server_workload": ""}
    web = {"server_kind": "internet", "server_namespace": "", "server_workload": ""}
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        migrate(there)
        with connect(there) as client:
            windows = [NOW - timedelta(minutes=minutes) for minutes in (1, 7, 65, 1500)]
            for window in windows:
                even = window.replace(second=0)
                rows = (busy(window=even), busy(window=even, **s3), busy(window=even, **web))
                insert_levels(client, flows(*rows), f"{window}")
            for weeks in (0, 1):
                hour = NOW.replace(minute=0, second=0) - timedelta(hours=1, weeks=weeks)
                changed = busy(window=hour, server_port=6379 + weeks)
                insert_levels(client, flows(changed), f"changed {weeks}")
            lately = NOW - timedelta(minutes=1)
            told: dict[str, Any] = {"time": lately, "newest": lately - timedelta(minutes=1)}
            told |= {"kernel_bytes": 12000, "stream_bytes": 12000, "stream_rows": 3}
            insert(client, "agent_ledger", ledger(**told, inserted_at=NOW), "ledger")
            yield client


@pytest.mark.parametrize("asked", list(queries()), ids=lambda query: query.name)
def test_every_query_answers(client: Client, asked: Query) -> None:
    for length in RANGES.values():
        answer = client.query(expand(asked.sql, Range(NOW - length, NOW), EVERYTHING))
        assert len(set(answer.column_names)) == len(answer.column_names)
        if length == RANGES["a day"]:
            assert answer.row_count or asked.name in WHAT_THERE_IS_NOT_YET
    client.query(expand(asked.sql, Range(NOW - RANGES["an hour"], NOW), ONE))


def test_the_map_names_its_fields_as_the_panel_wants_them(client: Client) -> None:
    (nodes, edges) = (query for query in queries() if query.ref in ("nodes", "edges"))
    over = Range(NOW - RANGES["an hour"], NOW)
    answers = [client.query(expand(query.sql, over, EVERYTHING)) for query in (nodes, edges)]
    named = [set(answer.column_names) for answer in answers]
    free = ("arc__", "detail__")
    known = {"id", "title", "subtitle", "mainstat", "secondarystat", "color", "thickness"}
    for names in named:
        assert {n for n in names if not n.startswith(free)} <= known | {"source", "target"}
    assert "title" in named[0]
    assert {"source", "target"} <= named[1]
    told = [list(answer.named_results()) for answer in answers]
    assert all(one["arc__failed"] + one["arc__well"] == 1 for one in told[0])
    ends = {end for edge in told[1] for end in (edge["source"], edge["target"])}
    assert ends == {one["id"] for one in told[0]}
    ids = [one["id"] for one in (*told[0], *told[1])]
    assert len(ids) == len(set(ids))


def test_a_value_with_a_quote_in_it_stays_a_value(client: Client) -> None:
    (asked,) = (q for q in queries() if q.name == "map: variable namespace (A)")
    evil = {**EVERYTHING, "cluster": ["x') OR ('1'='1"]}
    assert client.query(expand(asked.sql, Range(NOW - RANGES["a day"], NOW), evil)).row_count == 0
