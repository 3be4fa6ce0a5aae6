"""What the stream costs, how that depends on cluster, windows and workers, and what the same work
costs row by row. A table, and a plot under benchmarks/results/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from benchmarks import row_by_row
from benchmarks.cluster import Shape
from benchmarks.plot import plot
from benchmarks.report import Figure, keep, show
from benchmarks.stack import Stack, running
from benchmarks.worker import MILLION, Bench, Outcome


@dataclass(frozen=True)
class Extent:
    """How much is measured: flow rows of the main run, of each run of a sweep, of the rivals."""

    main: int
    sweep: int
    rival: int
    sizes: Sequence[int]
    workers: Sequence[int]


WHOLE = Extent(2_000_000, 400_000, 15_000, (100, 1_000, 10_000, 100_000), (1, 2, 4))
QUICK = Extent(400_000, 100_000, 5_000, (100, 10_000), (1, 2))
PODS, WINDOW, LONG_WINDOW, RIVAL_PODS = 10_000, 10, 60, 300


@dataclass(frozen=True)
class Run:
    """One run of a sweep."""

    sweep: str
    case: str
    outcome: Outcome


def run(extent: Extent = WHOLE) -> Iterator[Figure]:
    """All of it, main run first."""
    with running() as stack:
        bench = Bench(stack, Shape(pods=PODS))
        outcome = bench.run(bench.load(extent.main))
        yield from main_run(f"{PODS:,} pods", outcome)
        small = Bench(stack, Shape(pods=RIVAL_PODS))
        yield from row_by_row.run(small, list(small.messages(extent.rival)), outcome.cost)
        runs = []
        for done in _sweeps(stack, bench, extent):
            runs.append(done)
            yield from _figures(done)
    for path in plot([(one.sweep, one.case, one.outcome) for one in runs]):
        print(f"plotted in {path}")


def main_run(case: str, outcome: Outcome) -> Iterator[Figure]:
    loaded, millions = outcome.load, outcome.millions
    yield Figure("stream: rows a message", case, loaded.rows / len(loaded.messages), "rows")
    yield Figure("stream: on the wire", case, loaded.size / loaded.rows, "bytes/row")
    yield Figure("stream: worker", case, outcome.cost, "CPU-s/M rows (mark: 1.0)")
    rest = {"the rest": outcome.used.workers - sum(outcome.stages.values())}
    for stage, seconds in (outcome.stages | rest).items():
        yield Figure(f"stream: of it {stage}", case, seconds / millions, "CPU-s/M rows")
    yield Figure("stream: worker's start", case, outcome.started, "CPU-s")
    yield Figure("stream: worker's memory", case, outcome.memory / MILLION, "MB at the most")
    yield Figure("stream: end to end", case, outcome.rate, "rows/s (mark: 300,000)")
    for table, rows in outcome.inserted.items():
        yield Figure(f"stream: reduction {table}", case, loaded.rows / rows, "flow rows a row")
    spent, each = outcome.used, "CPU-s/M flow rows"
    inserted = sum(outcome.inserted.values()) / MILLION
    yield Figure("clickhouse: inserts", case, spent.clickhouse / inserted, "CPU-s/M inserted rows")
    yield Figure("clickhouse: of flow rows", case, spent.clickhouse / millions, each)
    yield Figure("clickhouse: merge to one", case, outcome.merging / millions, each)
    yield Figure("clickhouse: received", case, spent.received / loaded.rows, "bytes/flow row")
    yield Figure("kafka: broker", case, spent.kafka / millions, each)
    for table, size in outcome.disk.items():
        yield Figure(f"clickhouse: disk {table}", case, size, "bytes/row")


def _sweeps(stack: Stack, bench: Bench, extent: Extent) -> Iterator[Run]:
    for pods in extent.sizes:
        sized = bench if pods == PODS else Bench(stack, Shape(pods=pods))
        yield Run("pods", f"{pods:,}", sized.run(sized.load(extent.sweep)))
    loaded = bench.load(extent.sweep)
    for window in (WINDOW, LONG_WINDOW):
        yield Run("window", f"{window} s", bench.run(loaded, window=window))
    for workers in extent.workers:
        loaded = bench.load(extent.sweep, partitions=workers)
        yield Run("workers and partitions", f"{workers}", bench.run(loaded, workers))


def _figures(done: Run) -> Iterator[Figure]:
    case = f"{done.case} {done.sweep}"
    yield Figure("sweep: worker", case, done.outcome.cost, "CPU-s/M rows")
    yield Figure("sweep: end to end", case, done.outcome.rate, "rows/s")
    yield Figure("sweep: reduction flows_10s", case, done.outcome.reduction, "flow rows a row")


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rows and cases: within 90 s.")
@click.option("--rows", type=int, help="Only the main run, with so many flow rows.")
@click.option("--pods", default=PODS, help="Pods of its cluster.")
@click.option("--workers", default=1, help="Its workers.")
def main(quick: bool, rows: int | None, pods: int, workers: int) -> None:
    """Measure the stream, from Apache Kafka into ClickHouse's engine."""
    if rows is None:
        figures = show(run(QUICK if quick else WHOLE))
    else:
        with running() as stack:
            bench = Bench(stack, Shape(pods=pods))
            figures = show(main_run(f"{pods:,} pods", bench.run(bench.load(rows), workers)))
    print(f"kept in {keep(figures)}")


if __name__ == "__main__":
    main()
