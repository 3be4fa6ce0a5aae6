"""From messages to committed offsets: ranges are cut as messages come, written one after another.

At most QUEUED closed ranges wait, and `take` waits when there are more, so a slow ClickHouse pauses
consumption. Memory is bounded by (QUEUED + 1 + partitions) ranges of `flush_rows` rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from agent.wire import WireError
from stream import metrics
from stream.dead_letter import DeadLetters
from stream.decode import Delivery, Message, decode
from stream.ranges import Closed, Cutter
from stream.settings import Settings
from stream.sink import Sink
from stream.store import Store

log = logging.getLogger(__name__)
T = TypeVar("T")

QUEUED = 2
TICK = 0.1
REBALANCE_WAIT = 10.0

Commit = Callable[[str, int, int], Awaitable[None]]
"""Commits topic, partition and the offset to read next."""


class Pipeline:
    """Everything here runs on the event loop but the store and the sink, which have one thread.

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
        commit: Commit,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._settings = settings
        self._group = group
        self._store = store
        self._sink = sink
        self._dead_letters = dead_letters
        self._commit = commit
        self._cutters: dict[tuple[str, int], Cutter] = {}
        self._epoch = 0
        self._thread = ThreadPoolExecutor(1, "sink")
        self._queue: asyncio.Queue[Closed] = asyncio.Queue(QUEUED)
        self._closing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.failure: asyncio.Future[Exception] = loop.create_future()

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._guard(work))
            for work in (self._write_ranges, self._close_due, self._refresh)
        ]

    async def stop(self) -> None:
        """Everything taken is inserted and committed, or `failure` says why not."""
        self._store.give_up_after(self._settings.drain_seconds)
        drained = asyncio.create_task(self._guard(self._drain))
        either: set[asyncio.Future[Any]] = {drained, self.failure}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        for task in (*self._tasks, drained):
            task.cancel()
        await asyncio.gather(*self._tasks, drained, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def take(self, message: Message, end_offset: int) -> None:
        """Takes the next message of its partition; waits while too much is waiting already.

        end_offset: where the partition ended when last asked. After a failure it never returns.
        """
        await self._guard(lambda: self._take(message, end_offset))
        if self.failure.done():
            await asyncio.Event().wait()

    async def release(self) -> None:
        """Forgets all partitions; waits a while for the range being written, which is safe to be
        written even later: its token is the same for whoever repeats it."""
        self._epoch += 1
        self._cutters.clear()
        metrics.lag.clear()
        try:
            await asyncio.wait_for(self._queue.join(), REBALANCE_WAIT)
        except TimeoutError:
            log.warning("rebalance does not wait for the range being inserted")

    async def _take(self, message: Message, end_offset: int) -> None:
        cutter = await self._cutter(message, end_offset)
        delivery = await self._decode(message)
        cutter.add(message.offset, delivery)
        metrics.lag.labels(message.partition).set(end_offset - message.offset - 1)
        if cutter.due(self._settings.flush_rows, self._settings.flush_seconds):
            await self._close(cutter)

    async def _cutter(self, message: Message, end_offset: int) -> Cutter:
        key = message.topic, message.partition
        if key in self._cutters:
            return self._cutters[key]
        epoch = self._epoch
        recorded = await self._in_thread(partial(self._store.last, self._group, *key))
        cutter = Cutter(self._group, *key, epoch, recorded)
        cutter.check(message.offset, end_offset)
        if epoch == self._epoch:
            self._cutters[key] = cutter
        return cutter

    async def _decode(self, message: Message) -> Delivery | None:
        try:
            return decode(message)
        except WireError as error:
            await self._dead_letters.put(message, str(error))
            return None

    async def _close(self, cutter: Cutter) -> None:
        # The lock keeps ranges in the order in which they were cut: a queue alone would not,
        # once several wait for room.
        async with self._closing:
            if closed := cutter.close():
                await self._queue.put(closed)

    async def _close_due(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for cutter in list(self._cutters.values()):
                if cutter.due(self._settings.flush_rows, self._settings.flush_seconds):
                    await self._close(cutter)
            metrics.pending_rows.set(sum(cutter.rows for cutter in self._cutters.values()))

    async def _write_ranges(self) -> None:
        while True:
            closed = await self._queue.get()
            try:
                if closed.epoch == self._epoch:
                    await self._in_thread(partial(self._sink.write, closed))
                    cut = closed.range
                    await self._commit(cut.topic, cut.partition, cut.last + 1)
            finally:
                self._queue.task_done()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._settings.refresh_seconds)
            await self._in_thread(self._sink.refresh)

    async def _drain(self) -> None:
        for cutter in list(self._cutters.values()):
            await self._close(cutter)
        await self._queue.join()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        """The first error becomes `failure`; whoever runs the pipeline then stops it."""
        try:
            await work()
        except Exception as error:
            if not self.failure.done():
                self.failure.set_result(error)
