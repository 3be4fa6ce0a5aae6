"""How soon the console answers /api/map, over an hour of a made-up cluster.

`python -m benchmarks.console` makes the hour in an engine of its own (see benchmarks.day). The
answer is asked for over HTTP as a browser does, compressed, one at a time. Beside the time that
passed stands the processor time of ClickHouse and of the console, which do not hang on what else
the machine does. --url asks a ClickHouse that is there already, and tells the console's only.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import click

from benchmarks.dashboards import made
from benchmarks.report import Figure, keep, show
from benchmarks.stack import Program, processor_seconds, wait
from sql.client import connect
from sql.settings import ClickHouse

HOURS = {"flows_10s": 1, "flows_1m": 2, "flows_1h": 2}
"""The hour that is asked for, and the one before, by which edges are new."""


def run(clickhouse: ClickHouse, times: int, used: Callable[[], float] | None) -> Iterator[Figure]:
    """used: processor seconds of the engine so far."""
    newest = connect(clickhouse).query("SELECT toUnixTimestamp(max(window)) FROM flows_1h")
    until = int(newest.result_rows[0][0]) + 3600
    where = ("--port", "PORT", "--clickhouse-url", clickhouse.url)
    with TemporaryDirectory() as directory:
        console = Program("console", Path(directory), "sql.console", *where)
        try:
            wait(lambda: bool(console.metrics()), [console])
            for ends in ("namespace", "workload", "pod"):
                path = f"/api/map?ends={ends}&since={until - 3600}&until={until}"
                url = f"http://127.0.0.1:{console.port}{path}"
                size = _ask(url)
                engine, own = used() if used else 0.0, processor_seconds(console.pid)
                took = [_timed(url) for _ in range(times)]
                yield Figure("map", f"1 h, {ends}", statistics.median(took) * 1000, "ms")
                if used:
                    spent = (used() - engine) / times * 1000
                    yield Figure("map, ClickHouse", f"1 h, {ends}, processor", spent, "ms")
                spent = (processor_seconds(console.pid) - own) / times * 1000
                yield Figure("map, console", f"1 h, {ends}, processor", spent, "ms")
                yield Figure("map, compressed", f"1 h, {ends}", size / 1000, "kB")
        finally:
            console.stop()


def _ask(url: str) -> int:
    """The length of the answer as it is sent."""
    with urlopen(Request(url, headers={"Accept-Encoding": "gzip"}), timeout=60) as answer:
        return len(answer.read())


def _timed(url: str) -> float:
    began = time.perf_counter()
    _ask(url)
    return time.perf_counter() - began


@click.command()
@click.option("--pods", default=1_000, help="Pods of the cluster.")
@click.option("--times", default=10, help="Times that the map is asked for.")
@click.option("--url", default="", help="A ClickHouse to ask instead.")
def main(pods: int, times: int, url: str) -> None:
    """Ask for the map at each grain, and print how soon it is there (the mark: 150 ms)."""
    if url:
        figures = show(run(ClickHouse(url=url), times, None))
    else:
        with made(pods, HOURS) as (clickhouse, used):
            figures = show(run(clickhouse, times, used))
    print(f"kept in {keep(figures)}")


if __name__ == "__main__":
    main()
