"""How soon the panels of the dashboards are answered, over a made-up cluster's day.

`python -m benchmarks.dashboards` makes the day in an engine of its own (see benchmarks.day). Beside
the time that passed stands the engine's processor time, which does not hang on what else the
machine does. --url asks a ClickHouse that is there already, and tells the first only.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from clickhouse_connect.driver import Client

from benchmarks.cluster import Shape
from benchmarks.day import fill, merge
from benchmarks.grafana import ALL, Query, Range, Values, expand, queries
from benchmarks.report import Figure, keep, say, show
from benchmarks.stack import Program, processor_seconds, wait
from sql.client import connect
from sql.migrate import migrate
from sql.settings import ClickHouse

EVERYTHING: Values = {"cluster": ALL, "namespace": ALL, "workload": ALL}
SPANS = {"1 h": timedelta(hours=1), "24 h": timedelta(days=1)}
LEVELS = {"flows_10s": 1, "flows_1m": 6, "flows_1h": 25}


def run(clickhouse: ClickHouse, times: int, used: Callable[[], float] | None) -> Iterator[Figure]:
    """Of each panel: the median of so many times, after a first one. used: processor seconds of
    the engine so far."""
    with contextlib.closing(connect(clickhouse)) as client:
        newest = client.query("SELECT toUnixTimestamp(max(window)) FROM flows_1h").result_rows
        until = datetime.fromtimestamp(newest[0][0] + 3600, UTC)
        for span, length in SPANS.items():
            for asked, sql in panels(until, length):
                client.raw_query(sql)
                before = used() if used else 0.0
                took = [_seconds(client, sql) for _ in range(times)]
                yield Figure(asked.name, span, statistics.median(took) * 1000, "ms")
                if used:
                    spent = (used() - before) / times
                    yield Figure(asked.name, f"{span}, processor", spent * 1000, "ms")


def panels(until: datetime, length: timedelta) -> Iterator[tuple[Query, str]]:
    """Each panel's and variable's query, and what ClickHouse gets of it."""
    for asked in queries():
        yield asked, expand(asked.sql, Range(until - length, until), EVERYTHING)


def _seconds(client: Client, sql: str) -> float:
    began = time.perf_counter()
    client.raw_query(sql)
    return time.perf_counter() - began


@contextlib.contextmanager
def made(pods: int, hours: dict[str, int]) -> Iterator[tuple[ClickHouse, Callable[[], float]]]:
    """An engine with so many hours of each level, merged; and what tells its processor seconds."""
    with TemporaryDirectory() as directory:
        where = ("--port", "PORT", "--path", f"{directory}/clickhouse")
        engine = Program("engine", Path(directory), "sql.server", *where)
        try:
            wait(lambda: bool(engine.metrics()), [engine])
            clickhouse = ClickHouse(url=engine.clickhouse.url)
            migrate(clickhouse)
            fill(clickhouse, Shape(pods=pods), hours, say)
            with contextlib.closing(connect(clickhouse)) as client:
                merge(client)
            yield clickhouse, partial(processor_seconds, engine.pid)
        finally:
            engine.stop()


@click.command()
@click.option("--pods", default=1_000, help="Pods of the cluster.")
@click.option("--times", default=5, help="Times that a panel is asked.")
@click.option("--url", default="", help="A ClickHouse to ask instead.")
def main(pods: int, times: int, url: str) -> None:
    """Ask every panel of every dashboard, and print how soon it is answered."""
    if url:
        figures = show(run(ClickHouse(url=url), times, None))
    else:
        with made(pods, LEVELS) as (clickhouse, used):
            figures = show(run(clickhouse, times, used))
    print(f"kept in {keep(figures)}")


if __name__ == "__main__":
    main()
