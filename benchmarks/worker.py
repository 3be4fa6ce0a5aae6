"""What the stream costs: the worker as it runs, from Apache Kafka into ClickHouse's engine.

Workers join their group, learn the cluster from a few messages, and stand still until all others
are in Kafka. From there to the last insert processor time is the kernel's account of the process,
all threads, user and system. What a worker took before (Python's imports, the inventory) is a
figure of its own. After each run every rollup must hold exactly the rows and bytes that were sent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import click
import pyarrow as pa

from agent import wire
from benchmarks import account, inventory, workload
from benchmarks.cluster import Cluster, Shape
from benchmarks.stack import LEVELS, Program, Stack, processor_seconds, wait
from benchmarks.workload import Message
from sql.client import connect
from sql.settings import ClickHouse

IP_RANGES = Path(__file__).parents[1] / "deploy" / "local" / "demo" / "ip_ranges.json"
MILLION = 1_000_000
POLL_SECONDS = 0.1
LEAST_INTERVALS = 4
WARMING = 400
"""Messages, more than a cluster of 10,000 pods has nodes: a worker asks once about each agent."""

NONE = pa.RecordBatch.from_pylist([], schema=wire.SCHEMA)
ROWS = "flowatlas_stream_rows_total"
RECEIVED = "flowatlas_server_received_bytes_total"
SPENT = "flowatlas_stream_stage_seconds_total"
STAGES = ("fetch", "decode", "resolve", "window", "price", "rollup", "encode", "insert")


@dataclass(frozen=True)
class Load:
    """Messages for a run, to be in so many partitions. traffic: application bytes."""

    messages: Sequence[Message]
    partitions: int = 4

    @cached_property
    def rows(self) -> int:
        return sum(message.flow_rows for message in self.messages)

    @cached_property
    def size(self) -> int:
        return sum(len(message.value) for message in self.messages)

    @cached_property
    def traffic(self) -> int:
        return sum(message.traffic for message in self.messages)

    def split(self) -> tuple[Load, Load]:
        """What workers are warmed up with, and what is measured."""
        first = min(WARMING, len(self.messages) // 4)
        return (
            Load(self.messages[:first], self.partitions),
            Load(self.messages[first:], self.partitions),
        )


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

    load: Load
    used: Account
    started: float
    merging: float
    memory: int
    inserted: dict[str, int]
    disk: dict[str, float]
    stages: dict[str, float]

    @property
    def millions(self) -> float:
        return self.load.rows / MILLION

    @property
    def cost(self) -> float:
        """The workers' CPU seconds per million flow rows."""
        return self.used.workers / self.millions

    @property
    def rate(self) -> float:
        """Flow rows a second, end to end."""
        return self.load.rows / self.used.wall

    @property
    def reduction(self) -> float:
        """Flow rows to a row inserted into flows_10s."""
        return self.load.rows / self.inserted["flows_10s"]


class Bench:
    """Runs of workers over messages of one cluster."""

    def __init__(self, stack: Stack, shape: Shape) -> None:
        self.stack = stack
        self.cluster = Cluster(shape)
        self.inventory = stack.directory / f"cluster-{shape.pods}.json"
        inventory.write(self.cluster, self.inventory, hours=1.0)
        self.network = stack.directory / f"network-{shape.pods}.json"
        account.write(self.cluster, self.network)

    def load(self, rows: int, partitions: int = 4) -> Load:
        return Load([one._replace(rows=NONE) for one in self.messages(rows)], partitions)

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

    def run(self, load: Load, workers: int = 1, window: int = 10) -> Outcome:
        with self.finished(load, workers, window) as (outcome, _):
            return outcome

    @contextlib.contextmanager
    def finished(
        self, load: Load, workers: int = 1, window: int = 10
    ) -> Iterator[tuple[Outcome, ClickHouse]]:
        """A run, and its tables for as long as the block lasts."""
        topic = self.stack.topic(load.partitions)
        with self.stack.database() as clickhouse:
            programs = [self._worker(topic, clickhouse, window, n) for n in range(workers)]
            try:
                outcome = self._measure(topic, load, clickhouse, programs)
            finally:
                for program in programs:
                    program.stop()
            yield outcome, clickhouse

    def _worker(self, topic: str, clickhouse: ClickHouse, window: int, number: int) -> Program:
        name = f"worker-{clickhouse.database}-{number}"
        arguments = {
            "kafka": self.stack.broker,
            "topic": topic,
            "group": clickhouse.database,
            "inventory": str(self.inventory),
            "ip-ranges": str(IP_RANGES),
            "network": str(self.network),
            "window-seconds": str(window),
            "metrics-port": "PORT",
            "clickhouse-url": clickhouse.url,
            "clickhouse-database": clickhouse.database,
        }
        flags = [word for key, value in arguments.items() for word in (f"--{key}", value)]
        return Program(name, self.stack.directory, "stream", *flags)

    def _measure(
        self, topic: str, load: Load, clickhouse: ClickHouse, programs: list[Program]
    ) -> Outcome:
        """Returns when all is inserted, and ClickHouse has merged it."""
        warming, main = load.split()
        members = len(programs)
        wait(lambda: self.stack.has_members(clickhouse.database, members), programs)
        self.stack.send(topic, warming.messages)
        wait(lambda: _total(programs, ROWS) >= warming.rows, programs)
        stages = _stages(programs)  # who stands still does not answer
        for program in programs:
            program.pause()
        self.stack.send(topic, main.messages)
        warmed = _inserted(clickhouse)
        before = self._account(programs)
        for program in programs:
            program.go_on()
        wait(lambda: _total(programs, ROWS) >= load.rows, programs, POLL_SECONDS)
        after = self._account(programs)
        memory = max(program.most_memory() for program in programs)
        spent = _stages(programs)
        self._check(load, clickhouse)
        inserted = {table: rows - warmed[table] for table, rows in _inserted(clickhouse).items()}
        disk = _merged(clickhouse)
        return Outcome(
            main,
            after.since(before),
            before.workers,
            self._account(programs).since(after).clickhouse,
            memory,
            inserted,
            disk,
            {stage: spent[stage] - stages[stage] for stage in STAGES},
        )

    def _account(self, workers: list[Program]) -> Account:
        return Account(
            time.monotonic(),
            sum(processor_seconds(worker.pid) for worker in workers),
            processor_seconds(self.stack.engine.pid),
            processor_seconds(self.stack.kafka_pid),
            self.stack.engine.metrics().total(RECEIVED),
        )

    def _check(self, load: Load, clickhouse: ClickHouse) -> None:
        """Raises ClickException unless every level has the totals of what was sent."""
        for table in LEVELS:
            wanted, found = (load.rows, load.traffic), _ask(clickhouse, TOTALS.format(table=table))
            if found != wanted:
                raise click.ClickException(f"{table} has {found} and should have {wanted}")


def _inserted(clickhouse: ClickHouse) -> dict[str, int]:
    return {table: int(_ask(clickhouse, INSERTED, table=table)[0]) for table in LEVELS}


def _merged(clickhouse: ClickHouse) -> dict[str, float]:
    """Bytes on disk a row of each level, made into one part."""
    with contextlib.closing(connect(clickhouse)) as client:
        for table in LEVELS:
            client.command(f"OPTIMIZE TABLE {table} FINAL")
    return {table: float(_ask(clickhouse, SIZE, table=table)[0]) for table in LEVELS}


def _ask(clickhouse: ClickHouse, query: str, **parameters: str) -> tuple[Any, ...]:
    with contextlib.closing(connect(clickhouse)) as client:
        return tuple(client.query(query, parameters=parameters).result_rows[0])


TOTALS = "SELECT sum(flow_rows), sum(bytes_to_server + bytes_to_client) FROM {table}"
PARTS = """
FROM system.parts WHERE database = currentDatabase() AND table = {table:String}
"""
INSERTED = f"SELECT sumIf(rows, min_block_number = max_block_number) {PARTS}"
"""Parts that no merge has made are those that were inserted; they are listed a while longer."""
SIZE = f"SELECT sumIf(data_compressed_bytes, active) / sumIf(rows, active) {PARTS}"


def _stages(programs: list[Program]) -> dict[str, float]:
    spent = [program.metrics().get(SPENT, {}) for program in programs]
    return {stage: sum(own.get(stage, 0.0) for own in spent) for stage in STAGES}


def _total(programs: list[Program], name: str) -> float:
    return sum(program.metrics(name).total(name) for program in programs)
