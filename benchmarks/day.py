"""Days of a made-up cluster in the tables, in minutes: the newest hour as the stream's worker makes
it of the agents' messages, and the hours before as copies of it, each under its own time.

Nothing is compressed together with what lies an hour away, so a copied row takes as much space as
a true one, and what is asked by time, pair and sum costs the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from clickhouse_connect.driver import Client

from benchmarks import account, inventory, workload
from benchmarks.cluster import Cluster, Shape
from benchmarks.worker import IP_RANGES
from sql.client import connect
from sql.schema import LEVELS
from sql.settings import ClickHouse
from stream import sources
from stream.decode import Message
from stream.ranges import Closed, Range
from stream.settings import Settings
from stream.sink import Sink
from stream.store import Store

MINUTE, HOUR = 60, 3600
KEPT_AS = {"workloads_10m": "flows_1m"}
"""Of levels that are kept as long as another one whose name ends otherwise."""
COPY = """
INSERT INTO {table} SELECT * REPLACE (newest.{time} - INTERVAL {back} HOUR AS {time})
FROM {table} AS newest WHERE newest.{time} >= {since}
"""
LARGE_PARTS = {"max_insert_threads": 1, "min_insert_block_size_rows": 1 << 20}


def fill(
    clickhouse: ClickHouse,
    shape: Shape,
    hours: dict[str, int],
    say: Callable[[str], None],
    minutes: int = 60,
) -> int:
    """Make so many hours of flows_10s, flows_1m and flows_1h, and as many of what is kept beside
    each unless told; the newest is the last whole one, of which the first `minutes` are made. The
    tables are migrated and empty. Returns the rows of agents."""
    since = int(time.time()) // HOUR * HOUR - HOUR
    with contextlib.closing(connect(clickhouse)) as client:
        rows = _hour(clickhouse, Cluster(shape), since, minutes, say)
        longest = max(hours.values())
        wanted_of = {table: hours.get(table, hours[_flows(table)]) for table in LEVELS}
        for table, wanted in (wanted_of | {"agents": longest}).items():
            say(f"{table}: {wanted} hours")
            _repeat(client, table, since + HOUR, wanted)
    return rows


def _flows(table: str) -> str:
    return KEPT_AS.get(table, f"flows_{table.rpartition('_')[2]}")


def _repeat(client: Client, table: str, until: int, wanted: int) -> None:
    """Each copy doubles what there is."""
    there = 1
    while there < wanted:
        more = min(there, wanted - there)
        span = {"back": there, "since": until - more * HOUR}
        copy = COPY.format(table=table, time="hour" if table == "agents" else "window", **span)
        client.command(copy, settings=LARGE_PARTS)
        there += more


def merge(client: Client) -> None:
    """One part a partition, as background merges leave it in the end."""
    for table in LEVELS:
        client.command(f"OPTIMIZE TABLE {table} FINAL")


def _hour(
    clickhouse: ClickHouse, cluster: Cluster, since: int, minutes: int, say: Callable[[str], None]
) -> int:
    with TemporaryDirectory() as directory:
        sink = _sink(clickhouse, cluster, Path(directory))
        each = MINUTE // cluster.shape.interval_seconds
        messages = workload.messages(cluster, each * minutes, since * workload.SECOND)
        rows = offset = 0
        for minute in range(minutes):
            say(f"minute {minute + 1} of {minutes}")
            of_minute = [
                Message("flows", 0, number, sent.timestamp / 1000, None, sent.value, sent.headers)
                for number, sent in enumerate(islice(messages, each * cluster.nodes), offset)
            ]
            offset += len(of_minute)
            span = Range("bench", "flows", 0, of_minute[0].offset, offset - 1)
            prepared = sink.prepare(Closed(span, of_minute, epoch=1))
            sink.insert(prepared)
            rows += prepared.rows
    return rows


def _sink(clickhouse: ClickHouse, cluster: Cluster, directory: Path) -> Sink:
    files = directory / "inventory.json", directory / "network.json"
    inventory.write(cluster, files[0], hours=1.0)
    account.write(cluster, files[1])
    settings = Settings(
        inventory=str(files[0]),
        network=str(files[1]),
        ip_ranges=str(IP_RANGES),
        names_topic="",
        cluster="bench",
    )
    found = sources.of(settings)
    found.read()
    return Sink(Store(connect(clickhouse)), found, settings.cluster, settings.window_seconds)
