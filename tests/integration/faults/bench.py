"""One test's topic, database and workers."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

from clickhouse_connect.driver import Client
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from sql.client import connect
from sql.migrate import migrate
from tests.integration.clickhouse import free_port
from tests.integration.faults import truth
from tests.integration.faults.processes import Engine, Worker, until
from tests.integration.faults.traffic import Traffic

NUMBERS = count()
PARTITIONS = 4
SESSION_SECONDS = 2.1
"""Faust wants more than two; a broker must allow so few by group.min.session.timeout.ms."""

RUN_START = int(time.time())


class Bench:
    """traffic: what is to be consumed, if not what the new bench itself will send."""

    def __init__(
        self,
        kafka: str,
        engine: Engine,
        directory: Path,
        traffic: Traffic | None = None,
        replicas: int = 1,
    ) -> None:
        number = next(NUMBERS)
        self.engine = engine
        self.kafka = kafka
        self.clickhouse = replace(engine.settings, database=f"faults_{number}")
        migrate(self.clickhouse)
        self.group = f"stream-{number}"
        self.log = directory / f"{self.group}.log"
        if traffic is None:
            traffic = Traffic(kafka, f"flows-{number}", RUN_START, seed=number)
            self._create(traffic.topic, PARTITIONS, replicas)
            self._create(f"{traffic.topic}.dead", 1, replicas)
        self.traffic = traffic
        self._workers: list[Worker] = []
        self._others: list[Bench] = []

    def another(self) -> Bench:
        """A group with a database of its own, of the same traffic."""
        self._others.append(Bench(self.kafka, self.engine, self.log.parent, self.traffic))
        return self._others[-1]

    def worker(self, *flags: str, point: str = "", nth: int = 1, newer: bool = False) -> Worker:
        started = Worker([*self.flags(), *flags], self.log, point, nth, newer)
        self._workers.append(started)
        return started

    def replay_dead_letters(self, newer: bool) -> None:
        """`flowatlas replay dead`."""
        own = ("--kafka", "--topic", "--dead-letter-topic", "--group")
        flags = [flag for flag in self.flags() if flag.partition("=")[0] in own]
        replay = Worker(["replay", "dead", *flags], self.log, newer=newer)
        assert replay.wait() == 0, self.words()

    def flags(self) -> list[str]:
        return [
            f"--kafka={self.kafka}",
            f"--topic={self.traffic.topic}",
            f"--dead-letter-topic={self.traffic.topic}.dead",
            f"--group={self.group}",
            f"--session-seconds={SESSION_SECONDS}",
            "--flush-seconds=0.1",
            f"--clickhouse-url={self.clickhouse.url}",
            f"--clickhouse-database={self.clickhouse.database}",
            f"--metrics-port={free_port()}",
        ]

    def finish(self, *workers: Worker, seconds: float = 60.0) -> None:
        """Wait till everything sent is committed, drain the workers, and hold the tables against
        the truth."""
        until(lambda: self.unread() == 0 or not all(worker.running for worker in workers), seconds)
        for worker in workers:
            assert worker.end() == 0, self.words()
        assert self.unread() == 0
        self.check()

    def check(self) -> None:
        with self.client() as client:
            truth.check(client, self.traffic.sent)

    def flow_rows(self) -> int:
        with self.client() as client:
            return truth.flow_rows(client)

    def ranges(self) -> int:
        """How many were recorded so far."""
        with self.client() as client:
            return int(client.query("SELECT count() FROM offset_ranges").result_rows[0][0])

    def await_ranges(self, more: int) -> None:
        """Until so many more have been recorded than were when called."""
        enough = self.ranges() + more
        until(lambda: self.ranges() >= enough)

    def client(self) -> Client:
        return connect(self.clickhouse)

    def words(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def unread(self) -> int:
        """Messages beyond the group's committed offsets."""
        reader = Consumer({"bootstrap.servers": self.kafka, "group.id": self.group, "log_level": 0})
        try:
            places = [TopicPartition(self.traffic.topic, number) for number in range(PARTITIONS)]
            committed = reader.committed(places, timeout=20)
            ends = [reader.get_watermark_offsets(place, timeout=20)[1] for place in places]
        finally:
            reader.close()
        return sum(ends) - sum(max(place.offset, 0) for place in committed)

    def close(self) -> None:
        for other in self._others:
            other.close()
        for worker in self._workers:
            worker.kill()
        sys.stdout.write(self.words())

    def _create(self, topic: str, partitions: int, replicas: int) -> None:
        admin = AdminClient({"bootstrap.servers": self.kafka, "log_level": 0})
        safe = {"min.insync.replicas": str(max(1, replicas - 1))}
        wanted = NewTopic(topic, partitions, replicas, config=safe)
        (created,) = admin.create_topics([wanted]).values()
        created.result(30)
