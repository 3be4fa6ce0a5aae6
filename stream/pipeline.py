"""From messages to committed offsets: ranges are cut as messages come, prepared one after another,
and inserted, several at once if they are of different partitions.

At most QUEUED closed ranges wait as Kafka had them, and `take` waits when there are more, so a slow
ClickHouse pauses consumption. One range at a time is decoded and rolled up, while at most
`parallel_inserts` + 1 that are wait for ClickHouse or for their turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from stream import metrics
from stream.dead_letter import DeadLetters
from stream.decode import Message
from stream.errors import NotDrainedError
from stream.ranges import Closed, Cutter
from stream.settings import Settings
from stream.sink import Prepared, Sink
from stream.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")

QUEUED = 2
TICK = 0.1
REBALANCE_WAIT = 10.0
LEADER_SECONDS = 10.0
"""Longest that a new leader of a partition may take to know where it ends."""
ANSWER_SECONDS = 5.0
"""Longest that stopping waits for an answer after ClickHouse's time to come back is over."""

HOLE_AFTER = 3
"""Times that Kafka is asked for messages before it is believed to have none at these offsets."""

Partition = tuple[str, int]


class Log(Protocol):
    """Kafka's side of a topic's partition, for the group that reads it."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The offset of the first message that there is, and the one after the last."""

    async def committed(self, topic: str, partition: int) -> int | None:
        """The offset to read next, as it was committed last."""

    async def commit(self, topic: str, partition: int, offset: int) -> None:
        """The offset to read next."""

    async def rewind(self, topic: str, partition: int, offset: int) -> None:
        """Hand on the messages from this offset on, whatever was handed on already."""


class Pipeline:
    """Everything here runs on the event loop but the store and the sink, which have threads.

    Of each partition one range at a time has its turn: it is recorded, inserted and committed
    before the next. After a failure none is, so nothing is recorded past what was not inserted.

    Partitions come and go with rebalances: `release` forgets all of them by starting a new epoch,
    and what was cut before it is no longer written; the partition's next reader cuts it again.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        group: str,
        store: Store,
        sink: Sink,
        dead_letters: DeadLetters,
        log: Log,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._settings = settings
        self._group = group
        self._store = store
        self._sink = sink
        self._dead_letters = dead_letters
        self._log = log
        self._cutters: dict[Partition, Cutter] = {}
        self._epoch = 0
        self._preparing = ThreadPoolExecutor(1, "prepare")
        self._inserting = ThreadPoolExecutor(settings.parallel_inserts, "insert")
        self._queue: asyncio.Queue[Closed] = asyncio.Queue(QUEUED)
        self._prepared = asyncio.Semaphore(settings.parallel_inserts + 1)
        self._turns: defaultdict[Partition, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._closing = asyncio.Lock()
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure: asyncio.Future[Exception] = loop.create_future()

    def start(self) -> None:
        for work in (self._prepare_ranges, self._close_due, self._refresh):
            self._spawn(work)

    async def stop(self) -> None:
        """Takes no more. Everything taken is inserted and committed, or `failure` says why not."""
        self._stopping = True
        self._store.give_up_after(self._settings.drain_seconds)
        drained = asyncio.create_task(self._guard(self._drain))
        either: set[asyncio.Future[Any]] = {drained, self.failure}
        seconds = self._settings.drain_seconds + ANSWER_SECONDS
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not any(work.done() for work in either):
            self.failure.set_result(NotDrainedError("no answer to an insert or a commit"))
        tasks = [*self._tasks, drained]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for threads in (self._preparing, self._inserting):
            threads.shutdown(wait=False, cancel_futures=True)

    async def take(self, messages: Sequence[Message], end_offset: int) -> None:
        """Takes the next messages of a partition, at least one; waits while too much is waiting
        already. What `release` finds waiting here is forgotten too.

        end_offset: where the partition ended when last asked. After `stop` and after a failure it
        never returns.
        """
        if not self._stopping:
            await self._guard(lambda: self._take(messages, end_offset))
        if self._stopping or self.failure.done():
            await asyncio.Event().wait()

    async def release(self) -> None:
        """Forgets all partitions; waits a while for the ranges being written, which are safe to be
        written even later: their tokens are the same for whoever repeats them."""
        self._epoch += 1
        self._cutters.clear()
        metrics.lag.clear()
        try:
            await asyncio.wait_for(self._queue.join(), REBALANCE_WAIT)
        except TimeoutError:
            log.warning("rebalance does not wait for the range being inserted")

    async def _take(self, messages: Sequence[Message], end_offset: int) -> None:
        cutter = await self._cutter(messages[0], end_offset)
        for message in messages:
            missing = cutter.missing(message.offset)
            if missing and not await self._gone(cutter, missing):
                return
            if self._stopping or cutter.epoch != self._epoch:
                return
            cutter.add(message)
            if cutter.due(self._settings.flush_rows, self._settings.flush_seconds):
                await self._close(cutter)
        metrics.lag.labels(cutter.partition).set(end_offset - messages[-1].offset - 1)

    async def _cutter(self, message: Message, end_offset: int) -> Cutter:
        key = message.topic, message.partition
        if key in self._cutters:
            return self._cutters[key]
        epoch = self._epoch
        async with self._turns[key]:
            recorded = await self._in(self._inserting, partial(self._store.last, self._group, *key))
        # Kafka answers late while it is being fetched from: a partition's first message needs none.
        start = await self._start(*key) if message.offset and not recorded else 0
        cutter = Cutter(self._group, *key, epoch, recorded, start)
        cutter.check(await self._settled_end(cutter, end_offset))
        if epoch == self._epoch:
            self._cutters[key] = cutter
        return cutter

    async def _start(self, topic: str, partition: int) -> int:
        committed = await self._log.committed(topic, partition)
        if committed is not None:
            return committed
        first, _ = await self._log.bounds(topic, partition)
        return first

    async def _settled_end(self, cutter: Cutter, end_offset: int) -> int:
        """Where the partition ends, once that is after what was recorded, or it is certain that it
        is not: a new leader may tell of an earlier end until it has heard of its followers
        (KIP-207)."""
        deadline = time.monotonic() + LEADER_SECONDS
        while cutter.beyond(end_offset) and time.monotonic() < deadline:
            await asyncio.sleep(TICK)
            _, end = await self._log.bounds(cutter.topic, cutter.partition)
            end_offset = max(end_offset, end)
        return end_offset

    async def _gone(self, cutter: Cutter, missing: range) -> bool:
        """Whether Kafka has no messages of these offsets any more, so that the next ones may be
        taken. If it has, these came ahead of their turn, as what Faust still held when partitions
        moved does: it is let go of, and Faust has to go back for the missing ones."""
        place = cutter.topic, cutter.partition
        first, _ = await self._log.bounds(*place)
        if first >= missing.stop or cutter.rewound(missing) > HOLE_AFTER:
            cutter.skip(missing)
            return True
        log.info(
            "messages ahead of their turn, going back partition=%d to=%d", place[1], missing.start
        )
        metrics.rewinds.inc()
        await self._log.rewind(*place, max(first, missing.start))
        return False

    async def _close(self, cutter: Cutter) -> None:
        # The lock keeps ranges in the order in which they were cut: a queue alone would not,
        # once several wait for room.
        async with self._closing:
            if closed := cutter.close():
                await self._queue.put(closed)

    async def _close_due(self) -> None:
        counted = time.thread_time()
        while True:
            await asyncio.sleep(TICK)
            now = time.thread_time()
            metrics.stage_seconds.labels("fetch").inc(now - counted)
            counted = now
            for cutter in list(self._cutters.values()):
                if cutter.due(self._settings.flush_rows, self._settings.flush_seconds):
                    await self._close(cutter)
            metrics.pending_rows.set(sum(cutter.rows for cutter in self._cutters.values()))
            metrics.waiting_ranges.set(self._queue.qsize())

    async def _prepare_ranges(self) -> None:
        while True:
            closed = await self._queue.get()
            if closed.epoch != self._epoch:
                self._queue.task_done()
                continue
            await self._prepared.acquire()
            prepared = await self._in(self._preparing, partial(self._sink.prepare, closed))
            for poison in prepared.poison:
                await self._dead_letters.put(poison.message, poison.reason)
            self._spawn(partial(self._write, prepared, closed.epoch))

    async def _write(self, prepared: Prepared, epoch: int) -> None:
        cut = prepared.range
        try:
            async with self._turns[cut.topic, cut.partition]:
                if epoch == self._epoch and not self.failure.done():
                    await self._in(self._inserting, partial(self._sink.insert, prepared))
                    await self._log.commit(cut.topic, cut.partition, cut.last + 1)
        finally:
            self._prepared.release()
            self._queue.task_done()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._settings.refresh_seconds)
            await self._in(self._preparing, self._sink.refresh)

    async def _drain(self) -> None:
        for cutter in list(self._cutters.values()):
            await self._close(cutter)
        await self._queue.join()

    async def _in(self, threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, call)

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        """The first error becomes `failure`; whoever runs the pipeline then stops it."""
        try:
            await work()
        except Exception as error:
            if not self.failure.done():
                self.failure.set_result(error)
