"""What a flow record costs the agent in user space: decode, aggregate and encode, on one core."""

from __future__ import annotations

import contextlib
import mmap
import os
import time
from collections.abc import Iterator
from statistics import median

import numpy as np

from agent import flows, wire
from agent.ring import RECORD, MappedRing, Records
from agent.settings import Settings
from benchmarks.load import INTERVAL_NS, records
from benchmarks.report import Figure

RECORDS = 200_000
ROUNDS = 7
RING_BYTES = 1 << 26


def run() -> Iterator[Figure]:
    """One interval's records from the ring buffer to a message, at two cardinalities."""
    for conversations in (1_000, 50_000):
        made = records(RECORDS, conversations)
        with _filled_ring(made) as ring:
            took, values, rows = zip(*(_round(ring) for _ in range(ROUNDS)), strict=True)
        case = f"{conversations:,} conversations"
        yield Figure(
            "agent: ring to message", case, RECORDS / median(took), "records/s of one core"
        )
        yield Figure("agent: batch on the wire", case, values[0] / rows[0], "bytes/row")


def _round(ring: _RefilledRing) -> tuple[float, int, int]:
    ring.refill()
    start = time.process_time()
    drained = ring.reader.drain()
    batches = list(flows.aggregate(drained, INTERVAL_NS, 0, Settings().batch_rows))
    values = [wire.encode(batch) for batch in batches]
    took = time.process_time() - start
    return took, sum(map(len, values)), sum(batch.num_rows for batch in batches)


class _RefilledRing:
    """A reader of pages laid out as kernel/bpf/ringbuf.c's, with the same records each time."""

    def __init__(self, descriptor: int, end: int) -> None:
        self.reader = MappedRing(descriptor, RING_BYTES)
        self._positions = mmap.mmap(descriptor, 2 * mmap.PAGESIZE)
        self._end = end

    def refill(self) -> None:
        self._positions[:8] = bytes(8)
        self._positions[mmap.PAGESIZE : mmap.PAGESIZE + 8] = self._end.to_bytes(8, "little")

    def close(self) -> None:
        self.reader.close()
        self._positions.close()


@contextlib.contextmanager
def _filled_ring(made: Records) -> Iterator[_RefilledRing]:
    slots = np.zeros(len(made), [("length", "u4"), ("page", "u4"), ("record", RECORD)])
    slots["length"], slots["record"] = RECORD.itemsize, made
    with contextlib.ExitStack() as closing:
        descriptor = os.memfd_create("ring")
        closing.callback(os.close, descriptor)
        os.truncate(descriptor, 2 * mmap.PAGESIZE + 2 * RING_BYTES)
        os.pwrite(descriptor, slots.tobytes(), 2 * mmap.PAGESIZE)
        ring = closing.enter_context(contextlib.closing(_RefilledRing(descriptor, slots.nbytes)))
        yield ring
