"""The stream as a process, between a real broker and a real ClickHouse engine."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from clickhouse_connect.driver import Client
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from sql.client import connect
from sql.errors import SqlError
from sql.migrate import migrate
from sql.settings import ClickHouse
from tests.unit.stream_batches import SECOND, batch, message, names_message
from tests.unit.test_stream_resolve import pod, write

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

DATABASES = count()
LEVELS = ("flows_10s", "flows_1m", "flows_1h")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


@contextmanager
def process(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        child = subprocess.Popen([sys.executable, "-m", *command], stdout=out, stderr=out)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    directory = tmp_path_factory.mktemp("clickhouse")
    port = free_port()
    settings = ClickHouse(url=f"http://127.0.0.1:{port}", database="default")
    command = ("sql.server", "--port", str(port), "--path", str(directory / "data"))
    with process(*command, log=directory / "log"):
        until(lambda: answers(settings))
        yield settings


def answers(settings: ClickHouse) -> bool:
    try:
        connect(settings).close()
    except SqlError:
        return False
    return True


@pytest.fixture
def clickhouse(server: ClickHouse) -> ClickHouse:
    own = replace(server, database=f"stream_{next(DATABASES)}")
    migrate(own)
    return own


@dataclass
class Broker:
    """librdkafka's built-in broker, alive as long as its producer."""

    producer: Producer
    address: str
    sequence: int = 0

    def send(self, rows: int, node: str = "node-a") -> int:
        """One batch of conversations with random volumes; returns its application bytes."""
        now = time.time_ns()  # what is older than the tables' TTL would vanish
        drawn = [
            {
                "interval_start": now + number % 90 * SECOND,
                "client_address": f"10.0.{number % 3}.{number % 50}",
                "bytes_to_server": random.randrange(1 << 40),
                "bytes_to_client": random.randrange(1 << 40),
            }
            for number in range(rows)
        ]
        value, headers = message(batch(drawn, node, self.sequence))
        self.sequence += 1
        self.producer.produce("flows", value, key=node.encode(), headers=dict(headers))
        self.producer.flush(10)
        return sum(row["bytes_to_server"] + row["bytes_to_client"] for row in drawn)  # type: ignore[operator]

    def unread(self, group: str = "flowatlas-stream") -> int:
        """Messages beyond the group's committed offsets, over all partitions."""
        reader = Consumer({"bootstrap.servers": self.address, "group.id": group})
        partitions = reader.list_topics("flows", timeout=10).topics["flows"].partitions
        committed = reader.committed([TopicPartition("flows", p) for p in partitions], timeout=10)
        ends = [reader.get_watermark_offsets(found, timeout=10)[1] for found in committed]
        reader.close()
        return sum(ends) - sum(max(found.offset, 0) for found in committed)

    def read_one(self, topic: str) -> Message:
        """The first message of a topic that has one."""
        settings = {"group.id": "reader", "auto.offset.reset": "earliest"}
        reader = Consumer({"bootstrap.servers": self.address} | settings)
        reader.subscribe([topic])
        found = reader.poll(20.0)
        reader.close()
        assert found is not None
        return found


@pytest.fixture
def broker() -> Iterator[Broker]:
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (found,) = producer.list_topics("flows", timeout=10).brokers.values()
    yield Broker(producer, f"{found.host}:{found.port}")
    producer.purge()


@dataclass
class Worker:
    """How to run `flowatlas stream` against the fixtures."""

    broker: Broker
    clickhouse: ClickHouse
    log: Path

    def command(self, *flags: str) -> list[str]:
        return [
            "stream",
            f"--kafka={self.broker.address}",
            f"--clickhouse-url={self.clickhouse.url}",
            f"--clickhouse-database={self.clickhouse.database}",
            f"--metrics-port={free_port()}",
            *flags,
        ]

    @contextmanager
    def running(self, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
        with process(*self.command(*flags), log=self.log) as child:
            yield child

    def query(self, text: str) -> list[tuple[Any, ...]]:
        client: Client = connect(self.clickhouse)
        try:
            return [tuple(row) for row in client.query(text).result_rows]
        finally:
            client.close()

    def totals(self, table: str) -> tuple[int, ...]:
        """Application bytes and flow rows in a table."""
        measures = "sum(bytes_to_server + bytes_to_client), sum(flow_rows)"
        return self.query(f"SELECT {measures} FROM {table}")[0]

    def ledger(self) -> tuple[int, ...]:
        measures = "sum(stream_bytes), sum(stream_rows), count()"
        return self.query(f"SELECT {measures} FROM agent_ledger")[0]


@pytest.fixture
def worker(broker: Broker, clickhouse: ClickHouse, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(broker, clickhouse, tmp_path / "stream.log")
    yield made
    if made.log.exists():
        print(made.log.read_text())


def end(child: subprocess.Popen[bytes]) -> int:
    child.send_signal(signal.SIGTERM)
    return child.wait(30)


def test_every_level_has_the_bytes_that_were_sent_and_poison_is_set_aside(worker: Worker) -> None:
    with worker.running() as child:
        sent = sum(worker.broker.send(500, f"node-{number % 3}") for number in range(10))
        worker.broker.producer.produce("flows", b"poison", key=b"node-0", headers={"x": b"y"})
        sent += sum(worker.broker.send(500, f"node-{number % 3}") for number in range(10))
        until(lambda: worker.totals("flows_10s") == (sent, 20 * 500))
        until(lambda: worker.broker.unread() == 0)
        assert end(child) == 0
    for level in LEVELS:
        assert worker.totals(level) == (sent, 20 * 500)
    assert worker.ledger() == (sent, 20 * 500, 20)
    letter = worker.broker.read_one("flows.dead")
    assert letter.value() == b"poison"
    headers = dict(cast(list[tuple[str, bytes]], letter.headers()))
    assert headers["x"] == b"y"
    assert headers["flowatlas-dead-topic"] == b"flows"
    assert b"unknown schema" in headers["flowatlas-dead-reason"]


def test_an_address_goes_by_the_name_that_its_pod_was_given_in_the_same_interval(
    worker: Worker,
) -> None:
    now = time.time_ns()
    answer = {"time": now, "receiver": "10.0.0.1", "address": "10.9.0.1"}
    value, headers = names_message([answer | {"name": "sqs.eu-west-1.amazonaws.com"}], "node-a")
    rows = [{"interval_start": now, "interval_end": now + SECOND, "server_address": "10.9.0.1"}]
    flows, flow_headers = message(batch(rows))
    producer = worker.broker.producer
    producer.list_topics("names", timeout=10)  # which makes it, here
    identity = "server_kind, server_service, server_region, server_method, server_dns_name"
    with worker.running() as child:
        until(lambda: "stream started" in worker.log.read_text())
        producer.produce("names", value, headers=dict(headers))
        producer.produce("flows", flows, headers=dict(flow_headers))
        until(lambda: worker.totals("flows_10s")[1] == 1)
        assert end(child) == 0
    told = ("aws_service", "SQS", "eu-west-1", "dns", "sqs.eu-west-1.amazonaws.com")
    for level in LEVELS:
        assert worker.query(f"SELECT {identity} FROM {level}") == [told]


def test_a_recycled_address_goes_by_the_pod_that_had_it_then(
    worker: Worker, tmp_path: Path
) -> None:
    def created(seconds: float) -> str:
        return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()

    def row(seconds: int) -> dict[str, Any]:
        begin = time.time_ns() + seconds * SECOND
        times = {"interval_start": begin, "interval_end": begin + SECOND}
        return times | {"server_address": "10.9.0.1", "bytes_to_server": seconds + 5000}

    path = write(tmp_path / "inventory.json", [pod("old", "n1", "10.9.0.1", created=created(-900))])
    with worker.running(f"--inventory={path}", "--refresh-seconds=0.1") as child:
        until(lambda: "stream started" in worker.log.read_text())
        write(path, [pod("new", "n2", "10.9.0.1", created=created(-5))])
        until(lambda: worker.log.read_text().count("file loaded") == 2)
        flows, headers = message(batch([row(-60), row(60), row(-1800)]))
        worker.broker.producer.produce("flows", flows, headers=dict(headers))
        until(lambda: worker.totals("flows_10s")[1] == 3)
        assert end(child) == 0
    told = "SELECT server_pod, server_node FROM flows_10s ORDER BY bytes_to_server"
    assert worker.query(told) == [("", ""), ("old", "n1"), ("new", "n2")]


def test_sigterm_drains_what_was_consumed_and_commits_it(worker: Worker) -> None:
    with worker.running("--flush-seconds=3600") as child:
        worker.broker.send(10)
        until(lambda: "stream started" in worker.log.read_text())
        time.sleep(2.0)
        assert worker.totals("flows_10s") == (0, 0)
        assert end(child) == 0
    assert worker.totals("flows_10s")[1] == 10
    assert worker.broker.unread() == 0
    assert "inventory is empty, addresses go without pods" in worker.log.read_text()


def test_health_says_when_clickhouse_is_away_and_when_it_is_back(
    worker: Worker, tmp_path: Path
) -> None:
    port = free_port()
    own = replace(worker.clickhouse, url=f"http://127.0.0.1:{free_port()}")
    server = ("sql.server", "--path", str(tmp_path / "own"), "--port", own.url.rpartition(":")[2])
    log = tmp_path / "server.log"

    def health() -> tuple[int, dict[str, Any]]:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)
        except URLError:
            return 0, {}

    worker.clickhouse = own
    with ExitStack() as ends:
        with process(*server, log=log):
            until(lambda: answers(replace(own, database="default")))
            migrate(own)
            ends.enter_context(worker.running(f"--metrics-port={port}"))
            until(lambda: health()[0] == 200)
            worker.broker.send(3)
            until(lambda: health()[1]["last_insert_age_seconds"] is not None)
            assert health()[1]["partitions"] == [0, 1, 2, 3]
        worker.broker.send(4)
        until(lambda: health()[0] == 503)
        assert health()[1]["state"] == "waiting"
        assert "ClickHouse does not answer" in health()[1]["reason"]
        ends.enter_context(process(*server, log=log))
        until(lambda: health()[0] == 200)
        assert worker.totals("flows_10s")[1] == 7


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--kafka=127.0.0.1:1", "Kafka at 127.0.0.1:1 does not answer"),
        ("--clickhouse-url=http://127.0.0.1:1", "ClickHouse does not answer at http://127.0.0.1:1"),
        ("--inventory=/nowhere/inventory.json", "/nowhere/inventory.json: No such file"),
    ],
)
def test_what_is_missing_at_the_start_is_one_sentence(worker: Worker, flag: str, said: str) -> None:
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", *worker.command(flag)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert time.monotonic() - started < 15
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: {said}")
    assert len(ended.stderr.splitlines()) == 1


def test_a_taken_metrics_port_is_named(worker: Worker) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", *worker.command(f"--metrics-port={port}")],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_also_runs_as_a_plain_faust_worker(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "FLOWATLAS_STREAM_KAFKA": worker.broker.address,
        "FLOWATLAS_STREAM_METRICS_PORT": str(free_port()),
        "FLOWATLAS_STREAM_CLICKHOUSE_URL": worker.clickhouse.url,
        "FLOWATLAS_STREAM_CLICKHOUSE_DATABASE": worker.clickhouse.database,
    }.items():
        monkeypatch.setenv(name, value)
    command = ("faust", "-A", "stream.app", "worker", "--loglevel=warn")
    with process(*command, log=worker.log) as child:
        sent = worker.broker.send(7)
        until(lambda: worker.totals("flows_10s") == (sent, 7))
        assert end(child) == 0
