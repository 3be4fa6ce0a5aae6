"""What the stream stands between, in processes of their own: Apache Kafka, the embedded engine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import click
from confluent_kafka import ConsumerGroupState, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.workload import Message
from deploy.local.kafka import ApacheKafka
from deploy.local.probes import free_ports, http_answers
from sql.client import connect
from sql.migrate import migrate
from sql.settings import ClickHouse

LONGEST = 300.0
UNACKNOWLEDGED = 10_000
LEVELS = ("flows_10s", "flows_1m", "flows_1h")
TICK = os.sysconf("SC_CLK_TCK")


class Stack:
    """Kafka's broker and ClickHouse's engine, with a database of its own for every run."""

    def __init__(self, directory: Path, kafka: ApacheKafka, broker: str, engine: Program) -> None:
        self.directory = directory
        self.broker = broker
        self.kafka_pid = kafka.nodes[0].process.pid or 0
        self.engine = engine
        self._admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
        self._numbers = count()

    def send(self, topic: str, messages: Iterable[Message]) -> None:
        """Each into its node's partition; returns when Kafka has all."""
        with self.producing(topic) as produce:
            for message in messages:
                produce(
                    value=message.value,
                    key=message.node.encode(),
                    headers=message.headers,
                    timestamp=message.timestamp,
                )

    def topic(self, partitions: int) -> str:
        """The name of a new one."""
        topic = f"flows-{next(self._numbers)}"
        for created in self._admin.create_topics([NewTopic(topic, partitions)]).values():
            created.result(30)
        return topic

    @contextlib.contextmanager
    def producing(self, topic: str) -> Iterator[Callable[..., None]]:
        """What takes the arguments of Producer.produce after the topic; all is sent at the end."""
        producer = Producer({"bootstrap.servers": self.broker, "linger.ms": 50, "acks": 1})

        def produce(**arguments: Any) -> None:
            while len(producer) > UNACKNOWLEDGED:
                producer.poll(0.1)
            producer.produce(topic, **arguments)

        yield produce
        if producer.flush(60):
            raise click.ClickException("Kafka did not take the messages within 60 s; try again.")

    def has_members(self, group: str, members: int = 1) -> bool:
        """Whether a consumer group has so many and is settled."""
        found = self._admin.describe_consumer_groups([group])[group].result(30)
        return bool(found.state == ConsumerGroupState.STABLE and len(found.members) == members)

    @contextlib.contextmanager
    def database(self) -> Iterator[ClickHouse]:
        """One of the block's own, migrated, that lists parts for a while after they were merged."""
        settings = replace(self.engine.clickhouse, database=f"bench_{next(self._numbers)}")
        migrate(settings)
        with contextlib.closing(connect(settings)) as client:
            for table in LEVELS:
                client.command(f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 600")
            yield settings
            client.command(f"DROP DATABASE {settings.database} SYNC")


class Program:
    """`python -m module`, its output in a file; it ends with this process. PORT among the
    arguments is a free one."""

    def __init__(
        self,
        name: str,
        directory: Path,
        module: str,
        *arguments: str,
        python: str | Path = sys.executable,
    ) -> None:
        self.port = free_ports(1)[0]
        self._log = directory / f"{name}.log"
        filled = [word.replace("PORT", str(self.port)) for word in arguments]
        command = ["setpriv", "--pdeathsig", "KILL", "--", str(python), "-m", module, *filled]
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        self.pid = self._process.pid

    @property
    def clickhouse(self) -> ClickHouse:
        return ClickHouse(url=f"http://127.0.0.1:{self.port}", database="default")

    def said(self, word: str) -> bool:
        return word in self._log.read_text().splitlines()

    def check(self) -> None:
        """Raises ClickException with its last words if it has ended."""
        if self._process.poll() is not None:
            words = self._log.read_text().splitlines()[-3:]
            raise click.ClickException(f"{' '.join(words)} (all of it is in {self._log})")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.go_on()
        self._process.terminate()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def most_memory(self) -> int:
        """Bytes that were resident at once at the most."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def metrics(self, name: str = "") -> Metrics:
        """Its metrics, or that one, which costs it a fiftieth; empty while nobody answers."""
        chosen = f"?name[]={name}" if name else ""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics{chosen}", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return Metrics({})
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(sample.labels.values())
                found.setdefault(sample.name, {})[labels] = sample.value
        return Metrics(found)


class Metrics(dict[str, dict[str, float]]):
    """By name, and under it by the labels' values."""

    def total(self, name: str) -> float:
        return sum(self.get(name, {}).values())


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """The stack in a temporary directory, until the block ends."""
    with contextlib.ExitStack() as closing:
        directory = Path(closing.enter_context(TemporaryDirectory(prefix="flowatlas-bench-")))
        kafka = ApacheKafka(directory / "kafka")
        broker = kafka.start()
        closing.callback(kafka.stop)
        data = str(directory / "clickhouse")
        engine = Program("clickhouse", directory, "sql.server", "--port", "PORT", "--path", data)
        closing.callback(engine.stop)
        wait(lambda: http_answers(f"http://127.0.0.1:{engine.port}/ping"), [engine])
        yield Stack(directory, kafka, broker, engine)


def wait(reached: Callable[[], bool], programs: Iterable[Program], pause: float = 0.1) -> None:
    """Returns when reached; raises ClickException if a program ended, or after LONGEST seconds."""
    deadline = time.monotonic() + LONGEST
    while not reached():
        for program in programs:
            program.check()
        if time.monotonic() > deadline:
            raise click.ClickException(f"not done within {LONGEST:.0f} s; ask for fewer rows")
        time.sleep(pause)


def processor_seconds(process: int) -> float:
    """User and system time of a process so far, all its threads'."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
