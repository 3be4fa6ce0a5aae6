"""Replays on Apache Kafka: dead letters, and a period with other names, to the byte."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver import Client
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from agent import wire
from deploy.local import probes
from deploy.local.kafka import ApacheKafka
from sql.client import connect
from sql.migrate import migrate
from sql.settings import ClickHouse
from stream import records
from stream.dead_letter import DeadLetters, Headers
from stream.decode import Message
from stream.replay.__main__ import command
from stream.replay.errors import ShutOutError
from stream.replay.source import Source
from stream.replay.workers import Workers
from stream.settings import Settings
from tests.integration.clickhouse import embedded, flow, flows, free_port, insert_levels
from tests.unit.stream_batches import SECOND, batch, message

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LEVELS = ("flows_10s", "flows_1m", "flows_1h")
HOUR = timedelta(hours=1)
FIRST = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 4 * HOUR
NUMBERS = count()
KILLED_AT = {
    "while it fills": ("insert", 2),
    "between two partitions": ("_replace", 2),
    "before it drops its tables": ("drop", 2),
}
KILLED = """
import os, signal, sys
from stream.replay.__main__ import command
from stream.replay.errors import ShutOutError
from stream.replay.source import Source
from stream.replay.workers import Workers
from stream.settings import Settings
from stream.replay.tables import Tables
name, left = sys.argv.pop(1), [int(sys.argv.pop(1))]
real = getattr(Tables, name)
def last(*arguments):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(Tables, name, last)
command()
"""


def everywhere(*names: list[str]) -> dict[str, list[list[str]]]:
    return {level: list(names) for level in LEVELS}


def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with embedded(tmp_path_factory.mktemp("clickhouse")) as settings:
        yield settings


@dataclass
class Place:
    """A topic, a database and an inventory of its own."""

    kafka: str
    clickhouse: ClickHouse
    directory: Path
    topic: str
    client: Client
    producer: Producer
    sequences: dict[str, Iterator[int]] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return f"workers-of-{self.topic}"

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.json"

    @property
    def log(self) -> Path:
        return self.directory / "worker.log"

    @property
    def flags(self) -> list[str]:
        return [
            f"--kafka={self.kafka}",
            f"--topic={self.topic}",
            f"--dead-letter-topic={self.topic}.dead",
            f"--group={self.group}",
            f"--inventory={self.inventory}",
            f"--clickhouse-url={self.clickhouse.url}",
            f"--clickhouse-database={self.clickhouse.database}",
        ]

    def deploy(self, workload: str) -> None:
        """From now on the pods 10.0.0.1 to 10.0.0.9 belong to this workload."""
        pods = [
            {
                "kind": "Pod",
                "metadata": {
                    "namespace": "shop",
                    "name": f"pod-{number}",
                    "ownerReferences": [
                        {"controller": True, "kind": "StatefulSet", "name": workload}
                    ],
                },
                "status": {"podIPs": [{"ip": f"10.0.0.{number}"}]},
            }
            for number in range(1, 10)
        ]
        self.inventory.write_text(json.dumps({"items": pods}))

    def send(
        self, moment: datetime, node: str = "node-a", rows: int = 100, late: timedelta = HOUR * 0
    ) -> None:
        """A batch of rows of the half hour from `moment`, sent at the end of it, or later."""
        value, headers = self.batch(moment, node, rows)
        self.produce(value, headers, node, moment + HOUR / 2 + late)

    def batch(self, moment: datetime, node: str, rows: int) -> tuple[bytes, Headers]:
        start = int(moment.timestamp()) * SECOND
        drawn = [
            {
                "interval_start": start + random.randrange(1800) * SECOND,
                "client_address": f"10.0.0.{1 + number % 9}",
                "server_address": f"10.9.0.{number % 30}",
                "bytes_to_server": random.randrange(1 << 40),
                "bytes_to_client": random.randrange(1 << 40),
            }
            for number in range(rows)
        ]
        sequence = next(self.sequences.setdefault(node, count()))
        return message(batch(drawn, node, sequence))

    def produce(self, value: bytes, headers: Headers, node: str, sent: datetime) -> None:
        stamp = int(sent.timestamp() * 1000)
        key, partition = node.encode(), ord(node[-1]) % 2
        self.producer.produce(
            self.topic, value, key, partition, headers=list(headers), timestamp=stamp
        )

    def end(self) -> int:
        """Messages in the topic."""
        reader = Consumer({"bootstrap.servers": self.kafka, "group.id": "unused"})
        places = [TopicPartition(self.topic, partition) for partition in range(2)]
        found = [reader.get_watermark_offsets(place, timeout=10) for place in places]
        reader.close()
        return sum(high for _, high in found)

    def uncommitted(self) -> int | None:
        return probes.uncommitted(self.kafka, self.group, self.topic)

    def members(self) -> int:
        """Of the group."""
        admin = AdminClient({"bootstrap.servers": self.kafka})
        return len(admin.describe_consumer_groups([self.group])[self.group].result(10).members)

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """`flowatlas stream`; leaving ends it by SIGTERM, if it was not ended before."""
        flags = [*self.flags, f"--metrics-port={free_port()}", "--session-seconds=6"]
        with self.log.open("ab") as out:
            child = subprocess.Popen([sys.executable, "-m", "stream", *flags], stderr=out)
        try:
            yield child
            child.terminate()
            assert child.wait(30) == 0, self.log.read_text()
        finally:
            child.kill()
            child.wait()

    def consume(self) -> None:
        """All of the topic goes into the tables; then nobody works."""
        self.producer.flush(10)
        with self.worker():
            until(lambda: self.uncommitted() == 0)

    @contextmanager
    def swapping(self) -> Iterator[None]:
        """As it is while a replay swaps."""
        settings = Settings(
            kafka=self.kafka, topic=self.topic, group=self.group, clickhouse=self.clickhouse
        )
        source = Source(self.kafka, self.topic, self.group)
        workers = Workers(settings, self.client, source)
        with closing(source), workers.stopped(10, print, lambda: None):
            workers.check_kept_out()
            yield
        with pytest.raises(ShutOutError):
            workers.check_kept_out()

    def replay(self, *arguments: str) -> str:
        """What it says. Raises what it raises."""
        done = CliRunner().invoke(
            command, [arguments[0], *self.flags, *arguments[1:]], standalone_mode=False
        )
        if done.exception:
            raise done.exception
        return done.output

    def query(self, text: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(text).result_rows]

    def totals(self) -> dict[str, list[tuple[Any, ...]]]:
        """By level: each hour's flow rows and bytes."""
        measures = "sum(flow_rows), sum(bytes_to_server), sum(bytes_to_client)"
        text = f"SELECT toStartOfHour(window) AS hour, {measures} FROM {{}} GROUP BY 1 ORDER BY 1"
        return {level: self.query(text.format(level)) for level in LEVELS}

    def workloads(self) -> dict[str, list[list[str]]]:
        """By level: the client workloads of each hour."""
        names = "arraySort(groupUniqArray(client_workload))"
        text = f"SELECT {names} FROM {{}} GROUP BY toStartOfHour(window) ORDER BY min(window)"
        return {level: [names for (names,) in self.query(text.format(level))] for level in LEVELS}

    def outside(self, begin: datetime, end: datetime) -> dict[str, list[tuple[Any, ...]]]:
        """By level: every row that is not of the period, added up where merges would."""
        where = f"NOT (window >= '{begin:%F %T}' AND window < '{end:%F %T}')"
        tables = ("flows_10s", *(f"{level} FINAL" for level in LEVELS[1:]))
        text = f"SELECT * FROM {{}} WHERE {where} ORDER BY ALL"
        return {table: self.query(text.format(table)) for table in tables}


@contextmanager
def place(kafka: str, server: ClickHouse, directory: Path) -> Iterator[Place]:
    number = next(NUMBERS)
    own = replace(server, database=f"replay_{number}")
    migrate(own)
    topic = f"flows-{number}"
    admin = AdminClient({"bootstrap.servers": kafka})
    for created in admin.create_topics([NewTopic(topic, 2), NewTopic(f"{topic}.dead", 1)]).values():
        created.result(10)
    with ExitStack() as stack:
        client = stack.enter_context(connect(own))
        yield Place(
            kafka,
            own,
            directory,
            topic,
            client,
            Producer({"bootstrap.servers": kafka, "log_level": 0}),
        )


@pytest.fixture(scope="module")
def history(
    kafka: ApacheKafka, server: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Four hours under workload "old": late rows, a batch twice, and a message that is none."""
    with place(kafka.address, server, tmp_path_factory.mktemp("history")) as made:
        made.deploy("old")
        for hour in range(4):
            for node in ("node-a", "node-b", "node-c"):
                made.send(FIRST + hour * HOUR, node)
        made.send(FIRST + 1 * HOUR, late=2 * HOUR)
        value, headers = made.batch(FIRST + 2 * HOUR, "node-b", 100)
        for minutes in (31, 33):
            made.produce(value, headers, "node-b", FIRST + timedelta(hours=2, minutes=minutes))
        made.produce(b"poison", [("schema", b"?")], "node-a", FIRST + 2 * HOUR)
        made.consume()
        yield made


PERIOD = (f"--from={FIRST + HOUR:%FT%H:30}", f"--to={FIRST + 2 * HOUR:%FT%H:30}")
"""Outwards to whole hours these are the second and the third."""


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(history: Place) -> None:
    said = history.replay("range", *PERIOD, "--dry-run")
    assert f"{FIRST + HOUR:%F %H:00} to {FIRST + 3 * HOUR:%F %H:00} UTC" in said
    assert "800 in the tables" in said
    assert f"flows_1h {FIRST:%Y%m}" in said
    tables = history.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    assert not [name for (name,) in tables if name.endswith(("_replay", "_swap"))]


def test_offsets_stand_for_the_hours_of_their_rows(history: Place) -> None:
    said = "".join(
        history.replay("range", f"--offsets={partition}:0-0", "--dry-run") for partition in (0, 1)
    )
    assert f"{FIRST:%F %H:00} to {FIRST + HOUR:%F %H:00} UTC" in said


def test_a_relabelled_period_has_new_names_at_every_level_and_the_same_bytes(
    history: Place,
) -> None:
    totals, outside = history.totals(), history.outside(FIRST + HOUR, FIRST + 3 * HOUR)
    assert [hour[1] for hour in totals["flows_1h"]] == [300, 400, 400, 300]
    history.deploy("new")
    arguments = [sys.executable, "-m", "stream.replay", "range", *PERIOD, *history.flags]
    with history.worker() as worker:
        until(lambda: history.members() == 1)
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as replay:
            assert replay.stdout is not None
            for line in replay.stdout:
                if "stop them now" in line:
                    break
            assert history.workloads()["flows_1h"] == [["old"]] * 4
            worker.terminate()
            rest = replay.stdout.read()
            assert replay.wait(30) == 0
    assert "replayed 800 flow rows" in rest
    assert history.totals() == totals
    assert history.workloads() == everywhere(["old"], ["new"], ["new"], ["old"])
    assert history.outside(FIRST + HOUR, FIRST + 3 * HOUR) == outside


def test_killed_anywhere_it_changes_no_total_and_can_be_run_again(history: Place) -> None:
    totals = history.totals()
    for number, (name, calls) in enumerate(KILLED_AT.values()):
        history.deploy(f"killed-{number}")
        arguments = [name, str(calls), "range", *PERIOD, *history.flags]
        killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert history.totals() == totals
    history.deploy("last")
    history.replay("range", *PERIOD)
    assert history.totals() == totals
    assert history.workloads() == everywhere(["old"], ["last"], ["last"], ["old"])
    tables = history.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    assert not [name for (name,) in tables if name.endswith(("_replay", "_swap"))]


def test_what_a_worker_repeats_after_a_replay_is_still_inserted_once(history: Place) -> None:
    totals = history.totals()
    start = [TopicPartition(history.topic, partition, 0) for partition in (0, 1)]
    admin = AdminClient({"bootstrap.servers": history.kafka})
    wanted = [ConsumerGroupTopicPartitions(history.group, start)]
    admin.alter_consumer_group_offsets(wanted)[history.group].result(10)
    with pytest.raises(Exception, match="were being inserted when a worker was killed"):
        history.replay("range", *PERIOD, "--wait=0")
    history.consume()
    assert history.totals() == totals


def test_rows_that_kafka_does_not_have_are_not_lost_unasked(history: Place) -> None:
    window = FIRST + HOUR
    insert_levels(
        history.client,
        flows(flow(window=window, cluster="default", flow_rows=7, bytes_to_server=1)),
        "from another Kafka",
    )
    totals = history.totals()
    with pytest.raises(Exception, match=r"400 flow rows of \d+ bytes where flows_10s has 407"):
        history.replay("range", *PERIOD)
    assert history.totals() == totals
    history.replay("range", *PERIOD, "--accept-difference")
    assert [hour[1] for hour in history.totals()["flows_1m"]] == [300, 400, 400, 300]


def test_hours_that_a_level_has_dropped_are_not_brought_back(history: Place) -> None:
    dropped = f"window >= '{FIRST + HOUR:%F %T}' AND window < '{FIRST + 2 * HOUR:%F %T}'"
    history.client.command(f"DELETE FROM flows_10s WHERE {dropped}")
    totals = history.totals()
    history.deploy("later")
    history.replay("range", *PERIOD)
    assert history.totals() == totals
    assert history.workloads()["flows_1m"] == [["old"], ["later"], ["later"], ["old"]]
    assert history.workloads()["flows_10s"] == [["old"], ["later"], ["old"]]


def test_by_the_topic_pods_that_are_gone_since_are_named_as_of_the_period(history: Place) -> None:
    topic = f"inventory-of-{history.topic}"
    compacted = NewTopic(topic, 1, config={"cleanup.policy": "compact"})
    admin = AdminClient({"bootstrap.servers": history.kafka})
    admin.create_topics([compacted])[topic].result(10)

    def tell(workload: str, begin: datetime, end: datetime) -> None:
        for number in range(1, 10):
            record = records.Pod(
                uid=f"{workload}-{number}",
                namespace="shop",
                name=f"pod-{number}",
                node="n",
                workload=workload,
                workload_kind="StatefulSet",
                addresses=(f"10.0.0.{number}",),
                started=round(begin.timestamp() * 1000),
                ended=round(end.timestamp() * 1000),
            )
            history.producer.produce(topic, records.encode(record), records.key_of(record))
            history.producer.produce(topic, None, records.key_of(record))
        history.producer.flush(10)

    tell("first", FIRST, FIRST + 2 * HOUR)
    tell("second", FIRST + 2 * HOUR, FIRST + 3 * HOUR)
    totals = history.totals()
    history.replay("range", *PERIOD, "--inventory=", f"--inventory-topic={topic}")
    assert history.totals() == totals
    assert history.workloads()["flows_1m"] == [["old"], ["first"], ["second"], ["old"]]
    history.replay("range", *PERIOD)


def test_a_replay_without_the_inventory_is_refused(history: Place) -> None:
    for topic in ("", "inventory"):  # none, or nothing in it
        with pytest.raises(Exception, match="give the workers' own with --inventory"):
            history.replay("range", *PERIOD, "--inventory=", f"--inventory-topic={topic}")
    with pytest.raises(Exception, match="'inventory' could not be read to its end"):
        history.replay("range", *PERIOD, "--inventory=", "--wait=0.001")


def test_a_period_whose_begin_kafka_has_dropped_is_refused(history: Place) -> None:
    admin = AdminClient({"bootstrap.servers": history.kafka})
    for partition in (0, 1):
        place = TopicPartition(history.topic, partition, 4)
        admin.delete_records([place])[place].result(10)
    totals = history.totals()
    with pytest.raises(Exception, match="too late for all of"):
        history.replay("range", f"--from={FIRST:%FT%T}", f"--to={FIRST + HOUR:%FT%T}")
    assert history.totals() == totals


def test_dead_letters_go_back_and_are_counted_once_by_a_worker_that_a_replay_kept_out(
    kafka: ApacheKafka, server: ClickHouse, tmp_path: Path
) -> None:
    with place(kafka.address, server, tmp_path) as there:
        there.deploy("shop")
        letters = [there.batch(FIRST, "node-a", 10) for _ in range(3)]
        letters.insert(1, (b"poison", [("schema", b"flows/9:x"), ("node", b"node-b")]))
        set_aside(there, letters)
        listed = there.replay("dead", "--dry-run")
        assert f"3  flows/{wire.VERSION}  node-a  too new" in listed
        assert "1  flows/9  node-b  too new" in listed
        assert "would put back 3 of 4 messages, 1 still cannot be decoded" in listed
        assert "0 of 0" in there.replay("dead", "--reason=other")
        assert "put back 3 of 4 messages" in there.replay("dead")
        assert there.end() == 3
        assert "put back 0 of 1 messages" in there.replay("dead")
        returned = read(there)
        assert {found.partition() for found in returned} == {1}
        assert [(found.value(), dict(found.headers())) for found in returned] == [
            (value, dict(headers)) for value, headers in letters if value != b"poison"
        ]
        again = ConsumerGroupTopicPartitions(
            f"{there.group}.dead", [TopicPartition(f"{there.topic}.dead", 0, 0)]
        )
        admin = AdminClient({"bootstrap.servers": there.kafka})
        admin.alter_consumer_group_offsets([again])[f"{there.group}.dead"].result(10)
        assert "put back 3 of 4 messages" in there.replay("dead")
        with ExitStack() as stack:
            with there.swapping():
                stack.enter_context(there.worker())
                until(lambda: "kept out of the group" in there.log.read_text())
                assert there.uncommitted() == 6
            until(lambda: there.uncommitted() == 0)
        assert [rows for _, rows, *_ in there.totals()["flows_1h"]] == [30]


def set_aside(there: Place, letters: list[tuple[bytes, Headers]]) -> None:
    async def send(key: bytes | None, value: bytes, headers: Headers) -> None:
        there.producer.produce(f"{there.topic}.dead", value, key, headers=list(headers))

    async def put() -> None:
        dead = DeadLetters(send, 100)
        for offset, (value, headers) in enumerate(letters):
            found = Message(there.topic, 1, offset, time.time(), b"a key", value, headers)
            await dead.put(found, "too new")

    asyncio.run(put())
    there.producer.flush(10)


def read(there: Place) -> list[Any]:
    reader = Consumer({"bootstrap.servers": there.kafka, "group.id": "reader"})
    reader.assign([TopicPartition(there.topic, 1, 0)])
    found = reader.consume(3, timeout=10)
    reader.close()
    return list(found)
