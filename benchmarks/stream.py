"""What the stream costs: the worker as it runs, from Apache Kafka into ClickHouse's engine.

Messages of a made-up cluster are in Kafka before the worker starts. Processor time is the kernel's
account of the process, all threads, user and system: of the worker from when it has read its files
to its last insert. What it took before (Python's imports, the inventory) is a figure of its own.
After each run every rollup must hold exactly the rows and bytes that were sent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks import inventory, workload
from benchmarks.cluster import Cluster, Shape
from benchmarks.report import Figure, show
from benchmarks.stack import LEVELS, Loaded, Program, Stack, processor_seconds, running, wait
from benchmarks.workload import Message
from sql.client import connect
from sql.settings import ClickHouse

IP_RANGES = Path(__file__).parents[1] / "deploy" / "local" / "demo" / "ip_ranges.json"
MILLION = 1_000_000
POLL_SECONDS = 0.1
ROWS = "flowatlas_stream_rows_total"
FILES = "flowatlas_stream_loaded_timestamp_seconds"
STAGES = "flowatlas_stream_stage_seconds_total"


@dataclass(frozen=True)
class Outcome:
    """One run. Times in seconds; cpu: of all workers, started: what they took before the first row,
    inserted: rows by level before any merge, merging: ClickHouse's time after the last insert."""

    loaded: Loaded
    wall: float
    cpu: float
    started: float
    clickhouse: float
    merging: float
    kafka: float
    inserted: dict[str, int]
    disk: dict[str, float]
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def millions(self) -> float:
        return self.loaded.rows / MILLION


class Bench:
    """Runs of workers over messages of one cluster."""

    def __init__(self, stack: Stack, shape: Shape) -> None:
        self.stack = stack
        self.cluster = Cluster(shape)
        self.inventory = stack.directory / f"cluster-{shape.pods}.json"
        inventory.write(self.cluster, self.inventory, hours=1.0)

    def load(self, rows: int, partitions: int = 4) -> Loaded:
        return self.stack.load(self.messages(rows), partitions)

    def messages(self, rows: int) -> Iterator[Message]:
        """About so many rows, in whole intervals that ended lately."""
        shape = self.cluster.shape
        talk = self.cluster.conversations
        ends = (talk.client >= 0).sum() + (talk.server >= 0).sum()
        intervals = max(2, -int(-rows // (ends * shape.active)))
        length = shape.interval_seconds * workload.SECOND
        start = time.time_ns() // (60 * workload.SECOND) * 60 * workload.SECOND
        start -= -(-intervals * length // (60 * workload.SECOND)) * 60 * workload.SECOND
        return workload.messages(self.cluster, intervals, start)

    def run(self, loaded: Loaded, workers: int = 1, window: int = 10) -> Outcome:
        with self.finished(loaded, workers, window) as (outcome, _):
            return outcome

    @contextlib.contextmanager
    def finished(
        self, loaded: Loaded, workers: int = 1, window: int = 10
    ) -> Iterator[tuple[Outcome, ClickHouse]]:
        """A run, and its tables for as long as the block lasts."""
        with self.stack.database() as clickhouse:
            programs = [self._worker(loaded, clickhouse, window, n) for n in range(workers)]
            try:
                outcome = self._measure(loaded, clickhouse, programs)
            finally:
                for program in programs:
                    program.stop()
            yield outcome, clickhouse

    def _worker(self, loaded: Loaded, clickhouse: ClickHouse, window: int, number: int) -> Program:
        name = f"worker-{clickhouse.database}-{number}"
        arguments = {
            "kafka": self.stack.broker,
            "topic": loaded.topic,
            "group": clickhouse.database,
            "inventory": str(self.inventory),
            "ip-ranges": str(IP_RANGES),
            "window-seconds": str(window),
            "metrics-port": "PORT",
            "clickhouse-url": clickhouse.url,
            "clickhouse-database": clickhouse.database,
        }
        flags = [word for key, value in arguments.items() for word in (f"--{key}", value)]
        return Program(name, self.stack.directory, "stream", *flags)

    def _measure(self, loaded: Loaded, clickhouse: ClickHouse, programs: list[Program]) -> Outcome:
        """Returns when all is inserted, and ClickHouse has merged it."""
        pids = [program.pid for program in programs]
        engine, kafka = self.stack.engine.pid, self.stack.kafka_pid
        wait(lambda: all(map(_has_read_files, programs)), programs, 0.02)
        began, started = time.monotonic(), sum(map(processor_seconds, pids))
        engine_began, kafka_began = processor_seconds(engine), processor_seconds(kafka)
        wait(lambda: _total(programs, ROWS) >= loaded.rows, programs, POLL_SECONDS)
        wall, cpu = time.monotonic() - began, sum(map(processor_seconds, pids)) - started
        engine_ended, kafka_ended = processor_seconds(engine), processor_seconds(kafka)
        stages = [program.metrics().get(STAGES, {}) for program in programs]
        inserted, disk = self._tables(loaded, clickhouse)
        return Outcome(
            loaded,
            wall,
            cpu,
            started,
            engine_ended - engine_began,
            processor_seconds(engine) - engine_ended,
            kafka_ended - kafka_began,
            inserted,
            disk,
            {stage: sum(own.get(stage, 0.0) for own in stages) for stage in set().union(*stages)},
        )

    def _tables(
        self, loaded: Loaded, clickhouse: ClickHouse
    ) -> tuple[dict[str, int], dict[str, float]]:
        """Rows inserted and bytes on disk a row, by level; raises unless the totals are right."""
        inserted, disk = {}, {}
        with contextlib.closing(connect(clickhouse)) as client:
            for table in LEVELS:
                wanted = (loaded.rows, loaded.traffic)
                totals = (
                    f"SELECT sum(flow_rows), sum(bytes_to_server + bytes_to_client) FROM {table}"
                )
                (found,) = client.query(totals).result_rows
                if tuple(found) != wanted:
                    raise click.ClickException(f"{table} has {found} and should have {wanted}")
                (parts,) = client.query(PARTS, parameters={"table": table}).result_rows
                inserted[table] = parts[0]
                client.command(f"OPTIMIZE TABLE {table} FINAL")
                (parts,) = client.query(PARTS, parameters={"table": table}).result_rows
                disk[table] = parts[1]
        return inserted, disk


TOTALS = "SELECT sum(flow_rows), sum(bytes_to_server + bytes_to_client) FROM {table}"
PARTS = """
SELECT
    sumIf(rows, min_block_number = max_block_number),
    sumIf(data_compressed_bytes, active) / sumIf(rows, active)
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String}
"""
"""Parts that no merge has made are those that were inserted; they are listed a while longer."""


def _has_read_files(program: Program) -> bool:
    return len(program.metrics().get(FILES, {})) == 2


def _total(programs: list[Program], name: str) -> float:
    return sum(program.metrics().total(name) for program in programs)


def figures(case: str, outcome: Outcome) -> Iterator[Figure]:
    """What one run says."""
    loaded, millions = outcome.loaded, outcome.millions
    yield Figure("stream: rows a message", case, loaded.rows / loaded.messages, "rows")
    yield Figure("stream: on the wire", case, loaded.size / loaded.rows, "bytes/row")
    yield Figure(
        "stream: worker's processor", case, outcome.cpu / millions, "CPU-s/M rows (mark: 1.0)"
    )
    for stage, seconds in sorted(outcome.stages.items()):
        yield Figure(f"stream: of it {stage}", case, seconds / millions, "CPU-s/M rows")
    yield Figure("stream: before the first row", case, outcome.started, "CPU-s")
    yield Figure("stream: end to end", case, loaded.rows / outcome.wall, "rows/s (mark: 300,000)")
    for table, rows in outcome.inserted.items():
        yield Figure(f"stream: reduction {table}", case, loaded.rows / rows, "flow rows a row")
    base = outcome.inserted["flows_10s"] / MILLION
    yield Figure("clickhouse: processor", case, outcome.clickhouse / base, "CPU-s/M inserted rows")
    yield Figure("clickhouse: processor", case, outcome.clickhouse / millions, "CPU-s/M flow rows")
    yield Figure("kafka: processor", case, outcome.kafka / millions, "CPU-s/M flow rows")
    for table, size in outcome.disk.items():
        yield Figure(f"clickhouse: disk {table}", case, size, "bytes/row")


@click.command()
@click.option("--rows", default=3_000_000, help="Flow rows of the main run.")
@click.option("--pods", default=10_000, help="Pods of its cluster.")
@click.option("--workers", default=1, help="Its workers.")
def main(rows: int, pods: int, workers: int) -> None:
    """Measure the stream, from Apache Kafka into ClickHouse's engine."""
    with running() as stack:
        bench = Bench(stack, Shape(pods=pods))
        show(figures(f"{pods:,} pods", bench.run(bench.load(rows), workers)))


if __name__ == "__main__":
    main()
