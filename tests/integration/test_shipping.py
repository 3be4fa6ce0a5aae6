"""Batches on their way to Apache Kafka while it comes and goes, and the agent with it."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from agent.account import row_volume
from agent.wire import Batch, Headers, decode
from deploy.local import reconcile, topics
from deploy.local.kafka import ApacheKafka
from tests.kafka import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

AGENT = """
import logging, os, signal, sys, threading
from dataclasses import replace
from agent import app
from agent.settings import Settings
from tests.unit.agent_fakes import FakeKernel, FakeProbe

logging.basicConfig(level=logging.INFO)
directory, address = sys.argv[1:]
emitted = os.open(directory + "/emitted", os.O_RDWR | os.O_CREAT)
kernel = FakeKernel()
count = int(os.pread(emitted, 10, 0) or 0)
kernel.ledger = replace(kernel.ledger, records=count, bytes=2 * count)

class BusyProbe(FakeProbe):
    "Emits whenever it is drained, and remembers how much, as a kernel does."
    busy = True

    def drain(self):
        if self.busy:
            kernel.emit(40, conversations=30)
            os.pwrite(emitted, b"%010d" % kernel.ledger.records, 0)
        return super().drain()

    def detach(self):
        self.busy = False

app.Probe = lambda *_: BusyProbe(kernel)
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
agent = app.Agent(Settings(kafka=address, node="n", interval=0.1, batch_rows=20, kafka_timeout=10.0,
                           metrics_port=0, spool_directory=directory + "/spool"))
agent.start()
agent.run(stopping)
agent.stop()
"""
RECORDS_A_DRAIN = 40


class Node:
    """An agent whose kernel emits by itself, on a broker that keeps its address."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._log = directory / "agents.log"
        self._kafka = ApacheKafka(directory / "kafka")
        self.address = self._kafka.address

    def start_kafka(self) -> None:
        self._kafka.start()
        reconcile.bring_up_to_date(self.address, topics.load())

    def stop_kafka(self) -> None:
        self._kafka.stop()

    def start_agent(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", AGENT, str(self._directory), self.address]
        with self._log.open("a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, text=True)

    def said(self) -> str:
        """The agents' logs."""
        return self._log.read_text()

    def spooled(self) -> int:
        return len(list((self._directory / "spool").glob("*.batch")))

    def emitted(self) -> int:
        """Application bytes that the kernel's records stood for."""
        return 2 * int((self._directory / "emitted").read_text())

    def log(self) -> list[Batch]:
        """What is in Kafka, in its order: one node is one partition."""
        reader = Consumer({"bootstrap.servers": self.address, "group.id": "reader"})
        partitions = reader.list_topics("flows", timeout=10).topics["flows"].partitions
        starts = [TopicPartition("flows", partition, 0) for partition in partitions]
        left = sum(reader.get_watermark_offsets(start)[1] for start in starts)
        reader.assign(starts)
        found = []
        for _ in range(left):
            message = reader.poll(10.0)
            assert message is not None
            found.append(decode(message.value() or b"", cast(Headers, message.headers())))
        reader.close()
        return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    require()
    made = Node(tmp_path)
    yield made
    made.stop_kafka()


def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)


def wait_until_ready(node: Node, lives: int) -> None:
    until(lambda: node.said().count("agent ready") == lives)


def terminate(agent: subprocess.Popen[str]) -> None:
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(30) == 0


def numbers(batches: list[Batch]) -> list[tuple[str, int]]:
    return [(batch.origin.agent, batch.origin.sequence) for batch in batches]


def by_number(batches: list[Batch]) -> dict[tuple[str, int], Batch]:
    """Each batch once, by first arrival: what Kafka had taken and not acknowledged comes again."""
    found: dict[tuple[str, int], Batch] = {}
    for number, batch in zip(numbers(batches), batches, strict=True):
        found.setdefault(number, batch)
    return found


def volume(batches: list[Batch]) -> int:
    return sum(row_volume(batch.rows) for batch in batches)


def test_what_was_made_while_kafka_was_away_arrives_in_order(node: Node) -> None:
    agent = node.start_agent()  # Kafka is not there yet
    try:
        until(lambda: node.spooled() > 3)
        node.start_kafka()
        until(lambda: node.spooled() < 3)
        node.stop_kafka()
        until(lambda: node.spooled() > 10)
        started = time.monotonic()
        terminate(agent)
        assert time.monotonic() - started < 15
    finally:
        agent.kill()
    assert node.spooled() > 10
    assert "agent stopped" in node.said()
    node.start_kafka()
    agent = node.start_agent()
    try:
        until(lambda: node.spooled() < 3)
        terminate(agent)
    finally:
        agent.kill()
    assert node.spooled() == 0
    batches = by_number(node.log())
    runs = [list(run) for _, run in itertools.groupby(batches, key=lambda each: each[0])]
    assert len(runs) == 2
    for run in runs:
        assert [number for _, number in run] == list(range(len(run)))
    assert volume(list(batches.values())) == node.emitted()


def test_an_agent_killed_at_any_time_counts_nothing_twice(node: Node) -> None:
    node.start_kafka()
    kills = 8
    for kill in range(kills + 1):
        agent = node.start_agent()
        try:
            wait_until_ready(node, lives=kill + 1)
            if kill < kills:
                time.sleep(random.uniform(0.0, 0.7))
            else:
                terminate(agent)
        finally:
            agent.kill()
            agent.wait()
    batches = list(by_number(node.log()).values())
    ledgers = {
        batch.origin.agent: batch.origin.ledger
        for batch in sorted(batches, key=lambda each: each.origin.sequence)
    }.values()
    assert volume(batches) == sum(ledger.agent_bytes for ledger in ledgers)
    assert sum(ledger.kernel_bytes for ledger in ledgers) == node.emitted()
    assert 0 <= node.emitted() - volume(batches) <= kills * 2 * RECORDS_A_DRAIN
