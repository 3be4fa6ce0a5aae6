"""The same flow rows by quixstreams and by plain Faust, as JSON and row by row.

Few rows, for they are slow. Both resolve, sum and insert into flows_10s what the stream does; the
totals of each pair of workloads must be the stream's own. They are spared what would slow them
further: zeros are left out of the JSON, state has no changelog, messages are keyed by conversation.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from agent import wire
from benchmarks.report import Figure
from benchmarks.rivals.rows import DIMENSIONS, MAPS
from benchmarks.stack import Program, Stack, processor_seconds, wait
from benchmarks.worker import IP_RANGES, MILLION, Bench, Load
from benchmarks.workload import Message
from sql.client import connect
from sql.settings import ClickHouse

QUIX = Path(__file__).parents[1] / ".cache" / "quixstreams" / "bin" / "python"
PACKAGE = "benchmarks.rivals"
RIVALS = {"quixstreams": ("quix_rows", QUIX), "plain Faust": ("faust_rows", Path(sys.executable))}
Row = dict[str, Any]
PARTITIONS = 4
HOUR_MS = 3_600_000
SETTLING_SECONDS = 2.0
PAIRS = files(PACKAGE).joinpath("pairs.sql").read_text()
COUNT = "SELECT sum(flow_rows) FROM flows_10s"
MEASURES = (
    *wire.COUNTERS,
    *wire.COUNTERS_SINCE_2,
    *(f"{name}_{of}" for name in wire.DISTRIBUTIONS for of in ("count", "sum", "min", "max")),
)


def run(bench: Bench, messages: Sequence[Message], own_cost: float) -> Iterator[Figure]:
    """own_cost: the worker's processor seconds per million flow rows."""
    loaded = Load(messages, PARTITIONS)
    with bench.finished(loaded) as (_, clickhouse):
        right = _pairs(clickhouse)
    rows = list(_json(messages))
    for name, (module, python) in RIVALS.items():
        if not python.exists():
            raise click.ClickException(f"{name} is not installed; 'make bench' installs it.")
        with bench.stack.database() as clickhouse:
            topic = bench.stack.topic(PARTITIONS)
            arguments = json.dumps(_arguments(bench, topic, clickhouse))
            directory = bench.stack.directory
            rival = Program(module, directory, f"{PACKAGE}.{module}", arguments, python=python)
            cost = _cost(bench.stack, rival, topic, rows, clickhouse) / loaded.rows * MILLION
            if _pairs(clickhouse) != right:
                raise click.ClickException(f"{name} has other totals than the stream.")
        yield Figure(f"rows by {name}", f"{loaded.rows:,} rows", cost, "CPU-s/M rows")
        yield Figure(f"rows by {name}", "against the stream", cost / own_cost, "times its cost")


def _cost(
    stack: Stack, rival: Program, topic: str, rows: Sequence[Row], clickhouse: ClickHouse
) -> float:
    """Processor seconds for the rows, which come once it has its partitions."""
    wanted = len(rows) - PARTITIONS
    client = connect(clickhouse)
    try:
        wait(lambda: stack.has_members(clickhouse.database), [rival])
        time.sleep(SETTLING_SECONDS)
        before = processor_seconds(rival.pid)
        with stack.producing(topic) as produce:
            for row in rows:
                produce(**row)
        wait(lambda: client.query(COUNT).result_rows[0][0] >= wanted, [rival], 0.25)
        return processor_seconds(rival.pid) - before
    finally:
        rival.stop()


def _arguments(bench: Bench, topic: str, clickhouse: ClickHouse) -> dict[str, Any]:
    server = urlsplit(clickhouse.url)
    return {
        "kafka": bench.stack.broker,
        "topic": topic,
        "group": clickhouse.database,
        "state": str(bench.stack.directory / clickhouse.database),
        "inventory": str(bench.inventory),
        "ip_ranges": str(IP_RANGES),
        "columns": ["cluster", "role_certain", *DIMENSIONS, "flow_rows", *MEASURES, *sorted(MAPS)],
        "clickhouse": {
            "host": server.hostname,
            "port": server.port,
            "database": clickhouse.database,
        },
    }


def _pairs(clickhouse: ClickHouse) -> list[Any]:
    return list(connect(clickhouse).query(PAIRS).result_rows)


def _json(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """A message a row, and at the end of each partition one that closes its windows."""
    at = 0
    for message in messages:
        for row in message.rows.to_pylist():
            plain = _plain(row, message.node)
            at = plain["interval_start"] // 1_000_000
            yield {"value": json.dumps(plain).encode(), "key": _key(plain), "timestamp": at}
    for partition in range(PARTITIONS):
        last = {"key": b"", "timestamp": at + HOUR_MS, "partition": partition}
        yield {"value": b"{}", **last}


def _plain(row: dict[str, Any], node: str) -> dict[str, Any]:
    """A row of the wire as JSON would have it, measures apart and zeros left out."""
    found = {name: row[name] for name in wire.KEY_COLUMNS} | {"node": node}
    found["interval_start"] = row["interval_start"].value
    found["reporter"] = wire.Reporter(row["reporter"]).name.lower()
    found["protocol"] = wire.Protocol(row["protocol"]).name
    for name in ("client_address", "server_address", "backend_address"):
        if row[name]:
            found[name] = str(IPv6Address(row[name]).ipv4_mapped)
    kept = {name: row[name] for name in MEASURES if row[name]}
    maps = {name: dict(row[name]) for name in MAPS if row[name]}
    return found | {"measures": kept | maps}


def _key(row: dict[str, Any]) -> bytes:
    ends = (row["client_address"], row.get("backend_address"), row["server_address"])
    return "|".join(map(str, (row["node"], row["reporter"], *ends, row["server_port"]))).encode()
