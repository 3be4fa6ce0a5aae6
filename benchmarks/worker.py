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
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks import inventory, workload
from benchmarks.cluster import Cluster, Shape
from benchmarks.stack import LEVELS, Loaded, Program, Stack, processor_seconds, wait
from benchmarks.workload import Message
from sql.client import connect
from sql.settings import ClickHouse

IP_RANGES = Path(__file__).parents[1] / "deploy" / "local" / "demo" / "ip_ranges.json"
MILLION = 1_000_000
POLL_SECONDS = 0.1
LEAST_INTERVALS = 4
ROWS = "flowatlas_stream_rows_total"
FILES = "flowatlas_stream_loaded_timestamp_seconds"
RECEIVED = "flowatlas_server_received_bytes_total"
SPENT = "flowatlas_stream_stage_seconds_total"
STAGES = ("fetch", "decode", "resolve", "window", "rollup", "encode", "insert")


class Account(NamedTuple):
    """What was used up to some time, in seconds; workers, clickhouse and kafka: of processors.
    received: bytes that came to ClickHouse as inserts, uncompressed."""

    wall: float
    workers: float
    clickhouse: float
    kafka: float
    received: float

    def since(self, before: Account) -> Account:
        return Account(*(now - then for now, then in zip(self, before, strict=True)))


@dataclass(frozen=True)
class Outcome:
    """One run. started: processor seconds that the workers took before the first row; merging:
    those of ClickHouse to make one part of each table; memory: a worker's most, in bytes;
    inserted: rows by level before any merge, disk: bytes a row after."""

    loaded: Loaded
    used: Account
    started: float
    merging: float
    memory: int
    inserted: dict[str, int]
    disk: dict[str, float]
    stages: dict[str, float]

    @property
    def millions(self) -> float:
        return self.loaded.rows / MILLION

    @property
    def cost(self) -> float:
        """The workers' CPU seconds per million flow rows."""
        return self.used.workers / self.millions

    @property
    def rate(self) -> float:
        """Flow rows a second, end to end."""
        return self.loaded.rows / self.used.wall

    @property
    def reduction(self) -> float:
        """Flow rows to a row inserted into flows_10s."""
        return self.loaded.rows / self.inserted["flows_10s"]


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
        """About so many rows, in whole intervals that ended lately; of a cluster that makes more in
        so few intervals, the share of its nodes that one of several workers would have."""
        shape = self.cluster.shape
        each = self.cluster.reports * shape.active
        intervals = max(LEAST_INTERVALS, round(rows / each))
        nodes = min(self.cluster.nodes, round(rows / (intervals * each) * self.cluster.nodes))
        length = shape.interval_seconds * workload.SECOND
        start = time.time_ns() // (60 * workload.SECOND) * 60 * workload.SECOND
        start -= -(-intervals * length // (60 * workload.SECOND)) * 60 * workload.SECOND
        return workload.messages(self.cluster, intervals, start, nodes)

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
        wait(lambda: all(map(_has_read_files, programs)), programs, 0.02)
        before = self._account(programs)
        wait(lambda: _total(programs, ROWS) >= loaded.rows, programs, POLL_SECONDS)
        after = self._account(programs)
        stages = [program.metrics().get(SPENT, {}) for program in programs]
        memory = max(program.most_memory() for program in programs)
        inserted, disk = self._tables(loaded, clickhouse)
        return Outcome(
            loaded,
            after.since(before),
            before.workers,
            self._account(programs).since(after).clickhouse,
            memory,
            inserted,
            disk,
            {stage: sum(own.get(stage, 0.0) for own in stages) for stage in STAGES},
        )

    def _account(self, workers: list[Program]) -> Account:
        return Account(
            time.monotonic(),
            sum(processor_seconds(worker.pid) for worker in workers),
            processor_seconds(self.stack.engine.pid),
            processor_seconds(self.stack.kafka_pid),
            self.stack.engine.metrics().total(RECEIVED),
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
