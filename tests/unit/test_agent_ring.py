"""The ring buffer's layout, on a file that stands in for the kernel's pages."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from agent import libbpf
from agent.ring import _BUSY, _DISCARDED, RECORD, CallbackRing, MappedRing, open_ring

SIZE = 1 << 16
_SLOT = np.dtype([("length", "u4"), ("page", "u4"), ("record", RECORD)])
PAGE = mmap.PAGESIZE


class Pages:
    """Consumer page, producer page and data twice, as kernel/bpf/ringbuf.c lays them out."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("ring")
        os.truncate(self.fd, 2 * PAGE + 2 * SIZE)
        self.memory = mmap.mmap(self.fd, 2 * PAGE + 2 * SIZE)
        self.produced = 0

    def consumed(self) -> int:
        return int.from_bytes(self.memory[:8], "little")

    def start_at(self, position: int) -> None:
        self.produced = position
        self.memory[:8] = self.memory[PAGE : PAGE + 8] = position.to_bytes(8, "little")

    def produce(self, mark: int, flag: int = 0) -> None:
        slot = np.zeros(1, _SLOT)
        slot["length"] = RECORD.itemsize | flag
        slot["record"]["bytes_sent"] = mark
        self._write(self.produced % SIZE, slot.tobytes())
        self.produced += _SLOT.itemsize
        self.memory[PAGE : PAGE + 8] = self.produced.to_bytes(8, "little")

    def finish(self, position: int) -> None:
        self._write(position % SIZE, RECORD.itemsize.to_bytes(4, "little"))

    def _write(self, at: int, content: bytes) -> None:
        for copy in (0, SIZE):
            for index, byte in enumerate(content):
                self.memory[2 * PAGE + copy + (at + index) % SIZE] = byte


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    yield made
    made.memory.close()
    os.close(made.fd)


def marks(ring: MappedRing) -> list[int]:
    return [int(value) for value in ring.drain()["bytes_sent"]]


def test_records_come_in_order_and_only_once(pages: Pages) -> None:
    ring = MappedRing(pages.fd, SIZE)
    for mark in (3, 1, 2):
        pages.produce(mark)
    assert marks(ring) == [3, 1, 2]
    assert marks(ring) == []
    assert pages.consumed() == pages.produced


def test_a_record_still_being_written_holds_back_those_behind_it(pages: Pages) -> None:
    ring = MappedRing(pages.fd, SIZE)
    pages.produce(1)
    busy_at = pages.produced
    pages.produce(2, int(_BUSY))
    pages.produce(3)
    assert marks(ring) == [1]
    pages.finish(busy_at)
    assert marks(ring) == [2, 3]


def test_discarded_records_are_passed_over(pages: Pages) -> None:
    ring = MappedRing(pages.fd, SIZE)
    pages.produce(1)
    pages.produce(2, int(_DISCARDED))
    pages.produce(3)
    assert marks(ring) == [1, 3]
    assert pages.consumed() == pages.produced


def test_records_are_read_across_the_end_of_the_buffer(pages: Pages) -> None:
    pages.start_at(SIZE - 16)
    ring = MappedRing(pages.fd, SIZE)
    pages.produce(41)
    pages.produce(42)
    assert marks(ring) == [41, 42]


def test_a_closed_ring_gives_its_memory_back() -> None:
    with tempfile.TemporaryFile() as file:
        file.truncate(2 * PAGE + 2 * SIZE)
        ring = MappedRing(file.fileno(), SIZE)
        ring.drain()
        ring.close()


class FakeReader:
    """Calls back for each record, as libbpf does."""

    def __init__(self, _map_fd: int, callback: Callable[[object, object, int], int]) -> None:
        self._callback = callback

    def consume(self) -> None:
        record = np.zeros(1, RECORD)
        record["bytes_sent"] = 9
        raw = record.tobytes()
        self._callback(None, raw, len(raw))


def test_cpus_of_weaker_memory_order_read_through_libbpf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libbpf, "RingBuffer", FakeReader)
    ring = open_ring(-1, SIZE, RECORD, machine="aarch64")
    assert isinstance(ring, CallbackRing)
    assert [int(value) for value in ring.drain()["bytes_sent"]] == [9]
