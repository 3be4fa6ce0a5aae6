"""The agent's loop: killed at every step, with Kafka away, overloaded, and short of memory."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError

from agent import app, shipper, spool
from agent.account import row_volume
from agent.app import Agent
from agent.errors import KafkaAddressError
from agent.journal import Journal
from agent.pace import Pace
from agent.ring import SLOT_BYTES
from agent.settings import Settings
from agent.spool import Spool
from agent.wire import Batch
from tests.unit.agent_fakes import (
    FakeCgroups,
    FakeConntrack,
    FakeKafka,
    FakeKernel,
    FakeProbe,
    FakeProducer,
)
from tests.unit.test_agent_names import CHAIN, captured, message

RING = 1 << 20
Start = Callable[..., Agent]


class Killed(BaseException):
    """What a SIGKILL is to the code under test: nothing after it runs."""


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel()


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


@pytest.fixture
def agent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kernel: FakeKernel, kafka: FakeKafka
) -> Start:
    """Makes the next agent of the node, which is still to be started."""
    monkeypatch.setattr(app, "Probe", lambda *_: FakeProbe(kernel))
    monkeypatch.setattr(app, "Cgroups", FakeCgroups)
    monkeypatch.setattr(app, "Conntrack", FakeConntrack)
    monkeypatch.setattr("agent.traffic.Traffic.start", lambda _: lambda: None)
    monkeypatch.setattr("agent.interfaces.Interfaces.start", lambda _: lambda: None)
    monkeypatch.setattr("agent.exporter.serve", lambda *_: (0, lambda: None))
    monkeypatch.setattr("agent.metrics.watch_kernel", lambda _: lambda: None)
    monkeypatch.setattr(shipper, "Producer", lambda *a, **k: FakeProducer(kafka, *a, **k))
    monkeypatch.setattr(shipper, "_PAUSE_SECONDS", 0.0)

    def make(**settings: Any) -> Agent:
        own: dict[str, Any] = {
            "node": "n",
            "cgroup": "/",
            "ring_bytes": RING,
            "spool_directory": str(tmp_path / "spool"),
        }
        return Agent(Settings(**(own | {"batch_rows": 2, "kafka_timeout": 0.0} | settings)))

    return make


def live(agent: Agent, kernel: FakeKernel) -> None:
    """A short life: three intervals, then SIGTERM."""
    agent.start()
    for _ in range(3):
        kernel.emit(7)
        agent._drain()
        agent._shipper.forward()
        kernel.emit(4)
        agent._ship_interval()
    agent.stop()


def release(agent: Agent) -> None:
    """What the kernel does for a process that was killed."""
    agent._journal.close()
    agent._spool.close()


def volume(batches: list[Batch]) -> int:
    return sum(row_volume(batch.rows) for batch in batches)


def sequences(batches: list[Batch]) -> list[tuple[str, int]]:
    return [(batch.origin.agent, batch.origin.sequence) for batch in batches]


STEPS = [
    (Journal, "append"),
    (Journal, "begin"),
    (Spool, "put"),
    (os, "fsync"),
    (spool, "_sync_directory"),
    (FakeProducer, "produce"),
    (FakeProducer, "poll"),
    (Spool, "remove"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_killed_at_any_step_nothing_counts_twice_and_what_is_lost_is_known(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    agent: Start,
    kafka: FakeKafka,
    *,
    owner: Any,
    name: str,
    after: bool,
) -> None:
    for nth in range(100):
        kernel = FakeKernel()
        kafka.log.clear()
        monkeypatch.setattr(app, "Probe", lambda *_, kernel=kernel: FakeProbe(kernel))
        directory = str(tmp_path / f"{nth}")
        first = agent(spool_directory=directory)
        killed = True
        with monkeypatch.context() as patch:
            kill_at(patch, owner, name, nth, after)
            try:
                live(first, kernel)
                killed = False
            except Killed:
                release(first)
        second = agent(spool_directory=directory)
        second.start()
        kernel.emit(3)
        assert second.stop() == 0
        told = kafka.told().values()
        # A kill between the ring buffer and the journal loses what was in between, and only that.
        moving = killed and name == "append" and not after
        lost = kernel.ledger.records - sum(ledger.agent_records for ledger in told)
        assert lost in ((4, 7) if moving else (0,))
        assert sum(ledger.kernel_records for ledger in told) == kernel.ledger.records
        assert volume(kafka.deduplicated()) == kernel.ledger.bytes - 2 * lost
        assert sum(ledger.shipped_bytes for ledger in told) == volume(kafka.deduplicated())
        if not killed:
            assert nth > 1
            return
    pytest.fail("it was killed every time")


def kill_at(patch: pytest.MonkeyPatch, owner: Any, name: str, nth: int, after: bool) -> None:
    original = getattr(owner, name)
    calls = 0

    def step(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth + 1 and not after:
            raise Killed
        result = original(*given, **named)
        if calls == nth + 1:
            raise Killed
        return result

    patch.setattr(owner, name, step)


def test_batches_made_while_kafka_is_away_arrive_in_order_afterwards(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka, caplog: pytest.LogCaptureFixture
) -> None:
    kafka.present = False
    first = agent()
    with caplog.at_level(logging.INFO, "agent"):
        live(first, kernel)
        assert caplog.text.count("kafka does not take batches") == 1
        assert kafka.log == []
        kafka.present = True
        second = agent()
        live(second, kernel)
    names = [first._shipper.agent, second._shipper.agent]
    assert sequences(kafka.log) == [(name, number) for name in names for number in range(7)]
    assert volume(kafka.log) == kernel.ledger.bytes


def test_what_kafka_refuses_for_now_is_sent_again_in_order(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    running = agent()
    running.start()
    kafka.error = KafkaError.TOPIC_AUTHORIZATION_FAILED
    for _ in range(3):
        kernel.emit(4)
        running._ship_interval()
    kafka.error = None
    running._shipper.forward()
    kernel.emit(4)
    assert running.stop() == 0
    assert [number for _, number in sequences(kafka.log)] == list(range(8))
    assert volume(kafka.log) == kernel.ledger.bytes


def test_a_client_that_failed_for_good_is_replaced(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    running = agent()
    running.start()
    kernel.emit(4)
    running._ship_interval()
    running._shipper._on_error(KafkaError(KafkaError._FATAL, "epoch", True))
    kernel.emit(4)
    assert running.stop() == 0
    assert volume(kafka.log) == kernel.ledger.bytes


def test_what_kafka_will_never_take_is_dropped_and_told(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    running = agent(batch_rows=100)
    running.start()
    kafka.error = KafkaError.MSG_SIZE_TOO_LARGE
    kernel.emit(6)
    running._ship_interval()
    running._shipper.forward()
    kafka.error = None
    assert running.stop() == 0
    (ledger,) = kafka.told().values()
    assert (ledger.dropped_rows, ledger.dropped_bytes) == (3, 12)


def test_a_full_spool_is_told_in_the_ledger(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    kafka.present = False
    running = agent(spool_bytes=2 << 20, queue_bytes=1 << 20)
    running.start()
    for _ in range(300):
        kernel.emit(6)
        running._drain()
        running._ship_pending()
    running._shipper.forward()
    kafka.present = True
    assert running.stop() == 0
    following = agent()  # what the last batch of the first one displaced is told in its name
    following.start()
    following.stop()
    dropped = sum(ledger.dropped_bytes for ledger in kafka.told().values())
    assert dropped > 0
    assert volume(kafka.log) + dropped == kernel.ledger.bytes


def test_a_disk_that_fails_stops_neither_counting_nor_sending(
    monkeypatch: pytest.MonkeyPatch, agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    running = agent()
    running.start()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    kernel.emit(6)
    assert running.stop() == 0
    assert volume(kafka.log) == kernel.ledger.bytes


def test_too_many_records_for_memory_are_aggregated_early(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    running = agent(pending_records=10, batch_rows=100)
    running.start()
    for _ in range(5):
        kernel.emit(8)
        running._drain()
        assert running._pending_records < 10
    running.stop()
    assert [batch.rows.num_rows for batch in kafka.log] == [3, 3, 3]
    assert volume(kafka.log) == kernel.ledger.bytes


def test_an_overloaded_ring_lengthens_the_interval_and_a_calm_one_shortens_it(
    agent: Start, kernel: FakeKernel
) -> None:
    running = agent(interval=5.0)
    running.start()
    for _ in range(5):
        kernel.emit(RING // SLOT_BYTES * 2 // 3)
        running._observe(running._drain())
        running._ship_interval()
    for _ in range(5):
        running._observe(running._drain())
        running._ship_interval()
    intervals = running._probe.intervals  # type: ignore[attr-defined]
    assert intervals == [10.0, 20.0, 40.0, 20.0, 10.0, 5.0]
    running.stop()


@pytest.mark.parametrize(
    ("fill", "refused", "seconds"), [(0.6, 0, 10), (0.1, 1, 10), (0.5, 0, 5), (0.0, 0, 5)]
)
def test_what_counts_as_overload(fill: float, refused: int, seconds: float) -> None:
    pace = Pace(5.0)
    pace.observe(fill=fill)
    pace.observe(refused=refused)
    assert pace.settle() == (seconds != 5)
    assert pace.seconds == seconds


def test_a_load_that_needs_the_longer_interval_keeps_it() -> None:
    pace = Pace(5.0)
    pace.observe(fill=0.6)
    pace.settle()
    pace.observe(fill=0.3)
    assert not pace.settle()


def test_a_journal_of_other_records_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for content in (b"", b"{}\n", b"[]\n", b"\xff\xff", b'{"layout": "older"}\nrecords'):
        path.write_bytes(content)
        assert Journal(path).recover() is None
    assert Journal(tmp_path / "none").recover() is None


@pytest.mark.parametrize("servers", ["host:port", "", "127.0.0.1:99999", "no.such.host.invalid"])
def test_an_address_that_cannot_be_kafkas_is_named(agent: Start, servers: str) -> None:
    with pytest.raises(KafkaAddressError, match="--kafka"):
        agent(kafka=servers).start()


def test_one_address_of_several_has_to_resolve(agent: Start) -> None:
    running = agent(kafka="no.such.host.invalid,[::1]:9092")
    running.start()
    running.stop()


def test_a_batch_too_large_for_a_message_is_sent_in_pieces(
    monkeypatch: pytest.MonkeyPatch, agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    monkeypatch.setattr(shipper, "_MESSAGE_BYTES", 1)
    running = agent(batch_rows=1000)
    running.start()
    kernel.emit(8, conversations=5)
    running.stop()
    assert [batch.rows.num_rows for batch in kafka.log] == [1] * 5
    assert volume(kafka.log) == kernel.ledger.bytes
    assert [number for _, number in sequences(kafka.log)] == list(range(len(kafka.log)))


def test_names_have_numbers_of_their_own_and_an_interval_without_any_ships_none(
    agent: Start, kernel: FakeKernel, kafka: FakeKafka
) -> None:
    one = agent()
    one.start()
    answer = message("shop.example.com", "A", *CHAIN)
    for told in (True, False, True):
        if told:
            kernel.answers = captured(answer)
            kernel.ledger = replace(kernel.ledger, answers=kernel.ledger.answers + 1)
        one._ship_interval()
    one.stop()
    assert [batch.origin.sequence for batch in kafka.names] == [0, 1]
    assert [batch.rows.num_rows for batch in kafka.names] == [2, 2]
    last = kafka.names[-1].origin.ledger
    assert (last.kernel_records, last.agent_records, last.shipped_rows) == (2, 2, 4)
    assert len(kafka.log) == 4, "flows go on by themselves"
