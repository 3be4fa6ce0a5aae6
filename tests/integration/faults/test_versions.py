"""The next version of the wire, in any order of upgrade: agents, workers, tables."""

from __future__ import annotations

import signal

import pyarrow.compute as pc
import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.integration.faults.bench import Bench
from tests.integration.faults.next_version import CODEC, COUNTER, MIGRATION
from tests.integration.faults.processes import Worker, until
from tests.integration.faults.truth import LEVELS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class Upgrade:
    """What comes in which order, and what both versions' agents told."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._told = 0

    def send(self, batches: int) -> None:
        """From agents of both versions in turn, so that every range has both."""
        for number in range(batches):
            if number % 3:
                self._bench.traffic.send(1)
                continue
            (made,) = self._bench.traffic.send(1, version=CODEC)
            self._told += pc.sum(made.rows["packets_to_server"]).as_py()

    def tables(self) -> None:
        with self._bench.client() as client:
            for table in LEVELS:
                client.command(MIGRATION.format(table=table))

    def finish(self) -> None:
        """By a worker of the next version, which then also has what was set aside."""
        worker = self._bench.worker(newer=True)
        until(lambda: self._bench.unread() == 0 or not worker.running, 60)
        self._bench.replay_dead_letters(newer=True)
        self._bench.finish(worker)
        with self._bench.client() as client:
            for table in LEVELS:
                found = client.query(f"SELECT sum({COUNTER}) FROM {table}").result_rows
                assert found == [(self._told,)], table

    def set_aside(self) -> int:
        reader = Consumer({"bootstrap.servers": self._bench.kafka, "group.id": "reader"})
        place = TopicPartition(f"{self._bench.traffic.topic}.dead", 0)
        _, end = reader.get_watermark_offsets(place, timeout=20)
        reader.close()
        return int(end)


@pytest.fixture
def upgrade(bench: Bench) -> Upgrade:
    return Upgrade(bench)


def test_agents_first_then_tables_then_workers(bench: Bench, upgrade: Upgrade) -> None:
    upgrade.send(12)
    old = bench.worker()
    until(lambda: bench.unread() == 0)
    assert upgrade.set_aside() == 4
    upgrade.tables()
    upgrade.send(12)
    until(lambda: bench.unread() == 0)
    assert old.end() == 0
    upgrade.send(12)
    upgrade.finish()


@pytest.mark.parametrize("point", ["recorded", "inserted:flows_10s", "inserted:agent_ledger"])
def test_a_range_of_an_old_worker_is_repeated_by_a_new_one(
    bench: Bench, upgrade: Upgrade, point: str
) -> None:
    upgrade.tables()
    upgrade.send(24)
    assert bench.worker(point=point, nth=2).wait() == -signal.SIGKILL
    assert upgrade.set_aside() > 0
    upgrade.finish()


def test_workers_first_say_that_the_tables_are_old_and_an_old_one_leaves_them_their_ranges(
    bench: Bench, upgrade: Upgrade
) -> None:
    upgrade.send(24)
    new = bench.worker(newer=True)
    assert said(new, bench) == 1
    assert "run `flowatlas migrate`" in complaint(bench)
    old = bench.worker()
    assert said(old, bench) == 1
    assert "run the newer version" in complaint(bench)
    upgrade.tables()
    upgrade.send(12)
    upgrade.finish()


def test_an_old_worker_stops_at_the_cap_and_leaves_the_rest_to_a_new_one(
    bench: Bench, upgrade: Upgrade
) -> None:
    upgrade.send(36)
    old = bench.worker("--dead-letters-per-minute=3", "--flush-rows=1")
    assert said(old, bench) == 1
    assert "run the version that wrote them" in complaint(bench)
    assert bench.unread() > 0
    assert upgrade.set_aside() == 3
    upgrade.tables()
    upgrade.finish()


def said(worker: Worker, bench: Bench) -> int:
    """How a worker ended by itself, having said why in one sentence."""
    status = worker.wait()
    assert complaint(bench)
    return status


def complaint(bench: Bench) -> str:
    """What the last worker to complain said; a range that was under way may be told after it."""
    return [line for line in bench.words().splitlines() if line.startswith("Error: ")][-1]
