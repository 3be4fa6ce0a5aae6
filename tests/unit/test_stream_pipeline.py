"""The pipeline against a store in memory: poison, failures, rebalances, draining."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pytest

import stream.pipeline
from stream import metrics
from stream.dead_letter import DeadLetters, Headers
from stream.decode import Message
from stream.errors import (
    DeadLetterFloodError,
    InsertRefusedError,
    LogRecreatedError,
    NotDrainedError,
    RangeTornError,
    RangeUnreadableError,
)
from stream.files import Followed
from stream.inventory import Inventory, load
from stream.ip_ranges import read
from stream.pipeline import HOLE_AFTER, Pipeline
from stream.prefixes import Prefix
from stream.ranges import Range
from stream.repeats import Runs, Sender
from stream.settings import Settings
from stream.sink import Sink
from stream.sources import Sources
from tests.unit.stream_batches import batch, message


@dataclass
class MemoryStore:
    """Takes each token once, as ClickHouse does; `refusing` makes it fail for good."""

    ranges: list[Range] = field(default_factory=list)
    tables: dict[tuple[str, str], pa.Table] = field(default_factory=dict)
    refusing: bool = False

    def last(self, group: str, topic: str, partition: int) -> Range | None:
        own = [found for found in self.ranges if found.partition == partition]
        return own[-1] if own else None

    def record(self, closed: Range) -> None:
        if closed not in self.ranges:
            self.ranges.append(closed)

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if self.refusing:
            raise InsertRefusedError("no such table")
        self.tables.setdefault((table, token), rows)

    def batch_numbers(self, _cluster: str, agents: Collection[Sender]) -> dict[Sender, Runs]:
        return {
            agent: [(number, number) for number in sorted(self._sent(*agent))] for agent in agents
        }

    def agents(self, _cluster: str, _hour: int) -> Collection[str]:
        return []

    def batch_time(self, _cluster: str, node: str, agent: str, sequence: int) -> int | None:
        return self._sent(node, agent).get(sequence)

    def _sent(self, node: str, agent: str) -> dict[int, int]:
        found = [rows for (name, _), rows in list(self.tables.items()) if name == "agent_ledger"]
        return {
            row["sequence"]: round(row["time"].timestamp() * 1000)
            for rows in found
            for row in rows.to_pylist()
            if (row["node"], row["agent"]) == (node, agent)
        }

    def give_up_after(self, seconds: float) -> None:
        pass

    def total(self, table: str, column: str) -> int:
        found = [rows for (name, _), rows in list(self.tables.items()) if name == table]
        return sum(sum(rows[column].to_pylist()) for rows in found)


@dataclass
class World:
    """A pipeline, and what it did to the outside."""

    store: MemoryStore = field(default_factory=MemoryStore)
    dead: list[Headers] = field(default_factory=list)
    commits: dict[int, int] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    """What Kafka answers, one after the other, to where the partition ends."""

    first: int = 0
    """The first offset that Kafka has."""
    rewinds: list[int] = field(default_factory=list)

    async def bounds(self, _topic: str, _partition: int) -> tuple[int, int]:
        end = self.ends.pop(0) if len(self.ends) > 1 else (self.ends or [100])[0]
        return self.first, end

    async def committed(self, _topic: str, partition: int) -> int | None:
        return self.commits.get(partition)

    async def commit(self, _topic: str, partition: int, offset: int) -> None:
        self.commits[partition] = offset

    async def rewind(self, _topic: str, _partition: int, offset: int) -> None:
        self.rewinds.append(offset)

    def pipeline(
        self, per_minute: int = 100, messages: int = 4, drain_seconds: float = 20.0
    ) -> Pipeline:
        async def send(key: bytes | None, value: bytes, headers: Headers) -> None:
            self.dead.append(headers)

        no_ranges: list[Prefix] = []
        sources = Sources(Followed("", load, Inventory()), Followed("", read, no_ranges))
        return Pipeline(
            Settings(flush_rows=messages * ROWS, flush_seconds=1e9, drain_seconds=drain_seconds),
            group="g",
            store=self.store,  # type: ignore[arg-type]
            sink=Sink(self.store, sources, "test", 10),  # type: ignore[arg-type]
            dead_letters=DeadLetters(send, per_minute),
            log=self,
            loop=asyncio.get_running_loop(),
        )


def flow_message(offset: int, partition: int = 0) -> Message:
    content = batch([{"bytes_to_server": 7 + offset}], sequence=offset)
    value, headers = message(content)
    return Message("flows", partition, offset, 1.0, b"node-a", value, headers)


ROWS = flow_message(0).rows_about
"""Of a message with one row, by its size."""


def poison(offset: int) -> Message:
    return Message("flows", 0, offset, 1.0, None, b"no batch", [("schema", b"alien")])


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_stopping_inserts_and_commits_everything_taken() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        for offset in range(10):
            await pipeline.take([flow_message(offset)], 10)
        await pipeline.stop()
        assert not pipeline.failure.done()

    run(scenario)
    assert world.store.total("flows_10s", "bytes_to_server") == sum(range(7, 17))
    assert world.store.total("agent_ledger", "stream_bytes") == sum(range(7, 17))
    assert world.commits == {0: 10}


@pytest.mark.parametrize("failing", ["", "flows_1h"])
def test_the_ledger_is_inserted_after_all_other_tables_and_not_without_one(failing: str) -> None:
    """Though tables are inserted at once, and one takes longer than the others."""
    begun: list[str] = []
    ended: list[str] = []

    class Store(MemoryStore):
        def insert(self, table: str, rows: pa.Table, token: str) -> None:
            begun.append(table)
            if table == failing:
                raise InsertRefusedError("no such table")
            time.sleep(0.1 * (table == "workloads_1m"))
            ended.append(table)

    world = World(store=Store())

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        await pipeline.take([flow_message(0)], 1)
        await pipeline.stop()
        assert pipeline.failure.done() == bool(failing)

    run(scenario)
    if failing:
        assert "agent_ledger" not in begun
        assert not world.commits
    else:
        assert {"flows_10s", "flows_1h", "workloads_1m"} < set(ended)
        assert begun[-1] == "agent_ledger"
        assert ended.index("workloads_1m") == len(ended) - 2


def test_stopping_ends_though_kafka_never_takes_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream.pipeline, "ANSWER_SECONDS", 0.2)
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline(drain_seconds=0)
        world.commit = lambda *_: asyncio.Event().wait()  # type: ignore[assignment, method-assign]
        pipeline.start()
        await pipeline.take([flow_message(0)], 2)
        await pipeline.stop()
        assert isinstance(pipeline.failure.result(), NotDrainedError)

    run(scenario)
    assert world.store.total("flows_10s", "flow_rows") == 1


def test_nothing_is_taken_after_it_was_told_to_stop() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        await pipeline.take([flow_message(0)], 2)
        stopping = asyncio.create_task(pipeline.stop())
        await asyncio.sleep(0)
        taking = asyncio.create_task(pipeline.take([flow_message(1)], 2))
        await stopping
        assert not taking.done()
        taking.cancel()

    run(scenario)
    assert world.commits == {0: 1}


def test_a_new_leader_that_does_not_know_the_end_yet_is_asked_again() -> None:
    """One of what was recorded is still to come: it is the same topic."""
    world = World(ends=[1, 2, 5])
    world.store.ranges.append(Range("g", "flows", 0, 0, 3))

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        for offset in range(5):
            await pipeline.take([flow_message(offset)], 1)
        await pipeline.stop()
        assert not pipeline.failure.done()

    run(scenario)
    assert world.commits == {0: 5}


def test_a_topic_that_stays_shorter_than_what_was_recorded_was_created_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream.pipeline, "LEADER_SECONDS", 0.3)
    world = World(ends=[1])
    world.store.ranges.append(Range("g", "flows", 0, 0, 3))

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        taking = asyncio.create_task(pipeline.take([flow_message(0)], 1))
        assert isinstance(await pipeline.failure, LogRecreatedError)
        taking.cancel()

    run(scenario)


def test_poison_is_set_aside_with_its_origin_and_the_rest_goes_on() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        for taken in (flow_message(0), poison(1), flow_message(2), poison(3)):
            await pipeline.take([taken], 4)
        await pipeline.stop()

    run(scenario)
    headers, last = map(dict, world.dead)
    assert last["flowatlas-dead-offset"] == b"3"
    assert headers["schema"] == b"alien"
    assert headers["flowatlas-dead-topic"] == b"flows"
    assert headers["flowatlas-dead-partition"] == b"0"
    assert headers["flowatlas-dead-offset"] == b"1"
    assert b"unknown schema" in headers["flowatlas-dead-reason"]
    assert world.store.total("flows_10s", "flow_rows") == 2
    assert world.store.ranges == [Range("g", "flows", 0, 0, 3, dead=(1, 3))]
    assert world.commits == {0: 4}


def test_too_much_poison_stops_the_worker_and_commits_none_of_the_rest() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline(per_minute=3, messages=0)
        pipeline.start()
        for offset in range(3):
            await pipeline.take([poison(offset)], 9)
        await pipeline.take([poison(3)], 9)
        assert isinstance(await pipeline.failure, DeadLetterFloodError)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pipeline.take([flow_message(4)], 9), 0.2)
        await pipeline.stop()

    run(scenario)
    assert len(world.dead) == 3
    assert world.commits.get(0, 0) <= 3
    assert all(cut.dead == (cut.first,) for cut in world.store.ranges)


def test_a_range_is_repeated_as_it_was_read_by_who_recorded_it() -> None:
    world = World(MemoryStore([Range("g", "flows", 0, 0, 3, dead=(1, 2))]))

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        for taken in (flow_message(0), flow_message(1), poison(2), flow_message(3)):
            await pipeline.take([taken], 4)
        await pipeline.stop()

    run(scenario)
    assert world.store.total("flows_10s", "flow_rows") == 2
    assert world.store.total("agent_ledger", "sequence") == 0 + 3
    assert world.dead == []
    assert world.commits == {0: 4}


def test_a_range_that_only_a_newer_version_can_read_is_left_to_it() -> None:
    world = World(MemoryStore([Range("g", "flows", 0, 0, 1)]))

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        for taken in (flow_message(0), poison(1)):
            await pipeline.take([taken], 2)
        await pipeline.stop()
        assert isinstance(pipeline.failure.result(), RangeUnreadableError)

    run(scenario)
    assert not world.store.tables
    assert world.dead == []
    assert world.commits == {}


def test_a_refused_insert_stops_the_worker_and_is_not_committed() -> None:
    world = World(MemoryStore(refusing=True))

    async def scenario() -> None:
        pipeline = world.pipeline(messages=1)
        pipeline.start()
        await pipeline.take([flow_message(0)], 1)
        assert isinstance(await pipeline.failure, InsertRefusedError)
        await pipeline.stop()

    run(scenario)
    assert world.commits == {}


def test_a_slow_store_makes_the_taker_wait() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline(messages=1)
        taken: list[int] = []

        async def take_all() -> None:
            for offset in range(100):
                await pipeline.take([flow_message(offset)], 100)
                taken.append(offset)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(take_all(), 0.3)
        assert len(taken) <= 3

    run(scenario)


def test_a_batch_that_came_again_is_told_and_not_inserted_again() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline(messages=1)
        pipeline.start()
        first = flow_message(0)
        for offset, at in ((0, 1.0), (1, 2.0)):
            await pipeline.take([replace(first, offset=offset, timestamp=at)], 2)
        await pipeline.stop()

    run(scenario)
    for level in ("flows_10s", "flows_1m", "flows_1h"):
        assert world.store.total(level, "flow_rows") == 1
    assert world.store.total("repeated_batches", "offset") == 1
    assert world.commits == {0: 2}


@dataclass
class MeetingStore(MemoryStore):
    """An insert returns once another one goes on at the same time."""

    meeting: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=10))

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if table == "agent_ledger":
            self.meeting.wait()
        super().insert(table, rows, token)


def test_ranges_of_different_partitions_are_inserted_at_once() -> None:
    world = World(MeetingStore())

    async def scenario() -> None:
        pipeline = world.pipeline(messages=1)
        pipeline.start()
        for partition in (0, 1):
            content = batch([{}], node=f"node-{partition}")
            value, headers = message(content)
            await pipeline.take([Message("flows", partition, 0, 1.0, None, value, headers)], 1)
        await pipeline.stop()
        assert not pipeline.failure.done()

    run(scenario)
    assert world.commits == {0: 1, 1: 1}


@dataclass
class SlowStore(MemoryStore):
    """Tells what it does; the insert of the first range takes a while, and may fail."""

    told: list[str] = field(default_factory=list)
    failing: bool = False

    def record(self, closed: Range) -> None:
        self.told.append(f"record {closed.first}")
        super().record(closed)

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        if len(self.ranges) == 1 and table == "flows_10s":
            time.sleep(0.2)
            if self.failing:
                raise InsertRefusedError("no such table")
        super().insert(table, rows, token)
        if table == "agent_ledger":
            self.told.append(f"inserted {self.ranges[-1].first}")


@pytest.mark.parametrize("failing", [False, True])
def test_a_range_is_recorded_only_after_the_one_before_it_is_inserted(failing: bool) -> None:
    store = SlowStore(failing=failing)
    world = World(store)

    async def scenario() -> None:
        pipeline = world.pipeline(messages=1)
        pipeline.start()
        for offset in range(2 if failing else 3):
            await pipeline.take([flow_message(offset)], 3)
        await pipeline.stop()

    run(scenario)
    whole = [f"{done} {offset}" for offset in range(3) for done in ("record", "inserted")]
    assert store.told == (["record 0"] if failing else whole)
    assert world.commits == ({} if failing else {0: 3})


def test_a_rebalance_in_between_neither_loses_nor_repeats() -> None:
    world = World()

    async def scenario() -> None:
        pipeline = world.pipeline(messages=3)
        pipeline.start()
        for offset in range(8):
            await pipeline.take([flow_message(offset)], 12)
        await pipeline.release()
        for offset in range(world.commits.get(0, 0), 12):
            await pipeline.take([flow_message(offset)], 12)
        await pipeline.stop()

    run(scenario)
    assert world.store.total("flows_10s", "bytes_to_server") == sum(range(7, 19))
    assert world.commits == {0: 12}


def test_a_worker_killed_between_insert_and_commit_repeats_the_same_range() -> None:
    world = World()

    async def lifetime(offsets: range, messages: int) -> None:
        pipeline = world.pipeline(messages=messages)
        pipeline.start()
        for offset in offsets:
            await pipeline.take([flow_message(offset)], 9)
        await pipeline.stop()

    run(lambda: lifetime(range(5), 5))
    world.commits.clear()
    run(lambda: lifetime(range(9), 2))
    assert world.store.ranges[0] == Range("g", "flows", 0, 0, 4)
    assert world.store.total("flows_10s", "bytes_to_server") == sum(range(7, 16))
    assert world.commits == {0: 9}


def test_what_comes_ahead_of_its_turn_is_let_go_of_and_read_again() -> None:
    """As it does after a rebalance, from what Faust had read before."""
    world = World(MemoryStore([Range("g", "flows", 0, 0, 1)]), commits={0: 2})

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        await pipeline.take([flow_message(5), flow_message(6)], 9)
        assert world.rewinds == [2]
        await pipeline.take([flow_message(offset) for offset in range(2, 5)], 9)
        await pipeline.take([flow_message(7)], 9)
        assert world.rewinds == [2, 5]
        await pipeline.take([flow_message(offset) for offset in range(5, 9)], 9)
        await pipeline.stop()
        assert not pipeline.failure.done()

    run(scenario)
    assert world.store.total("flows_10s", "bytes_to_server") == sum(range(9, 16))
    assert world.commits == {0: 9}


@pytest.mark.parametrize("first", [5, 0])
def test_what_kafka_has_no_longer_is_counted_and_passed_over(first: int) -> None:
    """Or never had, as where a transaction ended: it is asked for a few times."""
    world = World(MemoryStore([Range("g", "flows", 0, 0, 1)]), first=first)
    before = metrics.expired_messages._value.get()

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        while world.rewinds.count(2) < (0 if first else HOLE_AFTER):
            await pipeline.take([flow_message(5)], 9)
        await pipeline.take([flow_message(5)], 9)
        await pipeline.stop()

    run(scenario)
    assert metrics.expired_messages._value.get() == before + 3
    assert world.store.total("flows_10s", "flow_rows") == 1
    assert world.commits == {0: 6}


def test_a_recorded_range_of_which_kafka_lost_a_part_stops_the_worker() -> None:
    world = World(MemoryStore([Range("g", "flows", 0, 0, 3)]), first=2)

    async def scenario() -> None:
        pipeline = world.pipeline()
        pipeline.start()
        taking = asyncio.create_task(pipeline.take([flow_message(2)], 9))
        assert isinstance(await pipeline.failure, RangeTornError)
        taking.cancel()

    run(scenario)
