"""What a made-up cluster's day takes on disk, column by column, and how soon it answers questions.

`python -m benchmarks.storage` makes a day in an engine of its own (see benchmarks.day), merges it,
and prints bytes a row and a conversation, what other codecs would make of the columns, and how long
the named queries and the views take over an hour, a day and a week. Cold is the first time, after
the engine's caches were dropped; the system's cache of files stays, as on a server that is up.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from clickhouse_connect.driver import Client

from benchmarks.cluster import Cluster, Shape
from benchmarks.dashboards import panels
from benchmarks.day import fill, merge
from benchmarks.report import Figure, keep, say, show
from benchmarks.stack import Program, wait
from sql import ask
from sql.client import connect
from sql.migrate import migrate
from sql.schema import END_LEVELS, LEVELS, ROLLUPS, WORKLOAD_LEVELS
from sql.settings import ClickHouse

CODECS = ("LZ4", "ZSTD(1)", "ZSTD(3)", "T64, ZSTD(1)", "T64('bit'), ZSTD(1)", "Delta, ZSTD(1)")
SAMPLE = 1_000_000
ROLLED = ROLLUPS | WORKLOAD_LEVELS | END_LEVELS
SECONDS = {"flows_10s": 10} | {table: rollup.seconds for table, rollup in ROLLED.items()}
HOURS = {"1 h": 1, "24 h": 24, "7 d": 168}
SIZES = """
SELECT column, sum(column_data_compressed_bytes) / sum(rows) AS size FROM system.parts_columns
WHERE active AND database = currentDatabase() AND table = {table:String} AND part_type = 'Wide'
GROUP BY column ORDER BY size DESC
"""
ROWS = """
SELECT sum(rows), sum(data_compressed_bytes) FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
"""
DAYS = "SELECT uniqExact(window) * {seconds} / 86400 FROM {table}"
MAP = """
SELECT
    client_kind, client_namespace, client_workload, server_kind, server_namespace, server_workload,
    sum(bytes_to_server) AS to_server, sum(bytes_to_client) AS to_client,
    sum(retransmitted_segments_to_server) + sum(retransmitted_segments_to_client) AS again
FROM edges_summed(since = {since:DateTime}, until = {until:DateTime})
GROUP BY ALL
"""
VIEWS = {
    "service map": MAP,
    "cluster_flows": """
        SELECT client_namespace, client_workload, sum(bytes_to_server), sum(cost_usd)
        FROM cluster_flows_summed(since = {since:DateTime}, until = {until:DateTime}) GROUP BY ALL
    """,
    "external_flows": """
        SELECT remote_name, sum(bytes_to_server)
        FROM external_flows_summed(since = {since:DateTime}, until = {until:DateTime}) GROUP BY ALL
    """,
    "node_health": """
        SELECT node, sum(retransmitted_segments) / sum(packets_sent), sum(dropped_packets)
        FROM node_health_between(since = {since:DateTime}, until = {until:DateTime}) GROUP BY node
    """,
}


@dataclass(frozen=True)
class Took:
    """Seconds for one question: the first time, and each time after."""

    cold: float
    warm: list[float]

    def figures(self, what: str, case: str) -> Iterator[Figure]:
        tail = statistics.quantiles(self.warm, n=20)[-1] if len(self.warm) > 1 else self.warm[0]
        yield Figure(f"{what}, cold", case, self.cold * 1000, "ms")
        yield Figure(f"{what}, warm median", case, statistics.median(self.warm) * 1000, "ms")
        yield Figure(f"{what}, warm p95", case, tail * 1000, "ms")


def run(pods: int, minutes: int, hours: dict[str, int], times: int) -> Iterator[Figure]:
    """hours: of each level. times: that a question is asked warm."""
    with TemporaryDirectory() as directory, _engine(Path(directory)) as clickhouse:
        migrate(clickhouse)
        began = time.monotonic()
        flow_rows = fill(clickhouse, Shape(pods=pods), hours, say, minutes)
        case = f"{pods:,} pods"
        yield Figure("flow rows of agents", case, flow_rows, "rows")
        with contextlib.closing(connect(clickhouse)) as client:
            say("merging")
            merge(client)
            yield Figure("made and merged in", case, time.monotonic() - began, "s")
            conversations = len(Cluster(Shape(pods=pods)).conversations.client)
            yield Figure("conversations", case, conversations, "")
            yield from sizes(client, case, conversations)
            yield from latencies(client, case, times)


def sizes(client: Client, case: str, conversations: int) -> Iterator[Figure]:
    """Bytes a row and a conversation's day of each level, and a value of the largest columns, as
    they are and by other codecs."""
    for table in LEVELS:
        rows, size = client.query(ROWS, parameters={"table": table}).result_rows[0]
        yield Figure(f"{table}, rows", case, rows, "rows")
        yield Figure(f"{table}, a row", case, size / max(rows, 1), "bytes")
        days = float(
            client.query(DAYS.format(table=table, seconds=SECONDS[table])).result_rows[0][0]
        )
        yield Figure(f"{table}, a conversation's day", case, size / conversations / days, "bytes")
    for table in LEVELS[:2]:
        for column, now in client.query(SIZES, parameters={"table": table}).result_rows[:12]:
            yield Figure(f"{table}.{column}", "as it is", now, "bytes")
            for codec in CODECS:
                with contextlib.suppress(Exception):  # a codec that does not take the type
                    tried = _tried(client, table, str(column), codec)
                    yield Figure(f"{table}.{column}", codec, tried, "bytes")


def _tried(client: Client, table: str, column: str, codec: str) -> float:
    """Bytes a value if the column were stored so, in the table's order."""
    kind = client.query(
        "SELECT type FROM system.columns WHERE database = currentDatabase()"
        " AND table = {table:String} AND name = {column:String}",
        parameters={"table": table, "column": column},
    ).result_rows[0][0]
    client.command("DROP TABLE IF EXISTS tried SYNC")
    client.command(
        f"CREATE TABLE tried ({column} {kind} CODEC({codec})) ENGINE = MergeTree ORDER BY tuple()"
        " SETTINGS min_bytes_for_wide_part = 0"
    )
    client.command(
        f"INSERT INTO tried SELECT {column} FROM {table} LIMIT {SAMPLE}",
        settings={"max_threads": 1, "max_insert_threads": 1, "min_insert_block_size_rows": SAMPLE},
    )
    return float(client.query(SIZES, parameters={"table": "tried"}).result_rows[0][1])


def latencies(client: Client, case: str, times: int) -> Iterator[Figure]:
    """Of the views that a dashboard asks, of the dashboards' panels, and of the questions that have
    names."""
    until = int(client.query("SELECT toUnixTimestamp(max(window)) FROM flows_1m").result_rows[0][0])
    for span, hours in HOURS.items():
        bounds = {"since": until + 60 - hours * 3600, "until": until + 60}
        for view, text in VIEWS.items():
            yield from _asked(client, text, bounds, times).figures(view, f"{case}, {span}")
        yield from _all_panels(client, f"{case}, {span}", bounds, times)
    for question in ask.questions():
        given = {each.name: each.default for each in question.parameters}
        for span, hours in HOURS.items():
            if "minutes" in given:
                ago = int(time.time() - until) // 60 + 1
                given["minutes"] = str(hours * 60 + ago)
            elif span != "1 h":
                continue
            took = _asked(client, question.text, given, times)
            yield from took.figures(f"ask {question.name}", f"{case}, {span}")


def _all_panels(
    client: Client, case: str, bounds: Mapping[str, int], times: int
) -> Iterator[Figure]:
    """Each panel, and what half of them and all but one in twenty take less than."""
    since, until = (datetime.fromtimestamp(bounds[name], UTC) for name in ("since", "until"))
    found: list[Took] = []
    for asked, sql in panels(until, until - since):
        if not asked.title.startswith("variable "):
            found.append(_asked(client, sql, {}, times))
            yield from found[-1].figures(asked.name, case)
    whole = {
        "cold": [each.cold for each in found],
        "warm": [statistics.median(each.warm) for each in found],
    }
    for what, took in whole.items():
        tail = statistics.quantiles(took, n=20)[-1]
        yield Figure(f"panels, {what}, median", case, statistics.median(took) * 1000, "ms")
        yield Figure(f"panels, {what}, p95", case, tail * 1000, "ms")
        yield Figure(f"panels, {what}, most", case, max(took) * 1000, "ms")


def _asked(client: Client, text: str, parameters: Mapping[str, object], times: int) -> Took:
    for cache in ("MARK", "UNCOMPRESSED", "INDEX MARK"):
        client.command(f"SYSTEM DROP {cache} CACHE")
    took = []
    for _ in range(1 + times):
        began = time.perf_counter()
        client.raw_query(text, parameters=dict(parameters))
        took.append(time.perf_counter() - began)
    return Took(took[0], took[1:])


@contextlib.contextmanager
def _engine(directory: Path) -> Iterator[ClickHouse]:
    where = ("--port", "PORT", "--path", str(directory / "clickhouse"))
    engine = Program("engine", directory, "sql.server", *where)
    try:
        wait(lambda: bool(engine.metrics()), [engine])
        yield ClickHouse(url=engine.clickhouse.url)
    finally:
        engine.stop()


@click.command()
@click.option("--pods", default=1_000, help="Pods of the cluster.")
@click.option("--minutes", default=60, help="Minutes of 10 s windows to make.")
@click.option(
    "--hours",
    type=(int, int, int),
    default=(24, 24, 192),
    help="Hours of flows_1m, of workloads and ends by the minute, and of what is by the hour.",
)
@click.option("--times", default=7, help="Times that a question is asked warm.")
def main(pods: int, minutes: int, hours: tuple[int, int, int], times: int) -> None:
    """Make a day of a made-up cluster; print what it takes on disk, and how soon it answers."""
    of_pods, of_workloads, by_hour = hours
    levels = {"flows_10s": 1, "flows_1m": of_pods, "flows_1h": by_hour}
    levels |= dict.fromkeys(("workloads_1m", "workloads_10m", "ends_1m"), of_workloads)
    figures = show(run(pods, minutes, levels, times))
    print(f"kept in {keep(figures)}")


if __name__ == "__main__":
    main()
