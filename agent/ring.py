"""Draining the kernel's ring buffer: many records at a time, as one NumPy array.

The layout of the buffer is kernel/bpf/ringbuf.c's: a page with the consumer's position, a page with
the producer's, then the data pages, mapped twice in a row so that no record is ever split.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agent import libbpf
from agent.wire import HISTOGRAM_BUCKETS

RECORD = np.dtype(
    [
        ("since_ns", "u8"),
        ("until_ns", "u8"),
        ("cgroup_id", "u8"),
        ("local_address", "V16"),
        ("remote_address", "V16"),
        ("local_port", "u2"),
        ("remote_port", "u2"),
        ("protocol", "u1"),
        ("role", "u1"),
        ("flags", "u1"),
        ("reserved", "u1"),
        ("bytes_sent", "u8"),
        ("bytes_received", "u8"),
        ("packets_sent", "u8"),
        ("packets_received", "u8"),
        ("retransmitted_bytes", "u8"),
        ("retransmitted_segments", "u4"),
        ("retransmission_timeouts", "u4"),
        ("resets_sent", "u4"),
        ("resets_received", "u4"),
        ("retransmitted_syns", "u4"),
        ("zero_windows_sent", "u4"),
        ("zero_windows_received", "u4"),
        ("out_of_order", "u4"),
        ("dropped", "u4"),
        ("datagram_errors", "u4"),
        ("attempted", "u1"),
        ("established", "u1"),
        ("closed", "u1"),
        ("refused", "u1"),
        ("timed_out", "u1"),
        ("reset", "u1"),
        ("unreachable", "u1"),
        ("handshake_reset", "u1"),
        ("half_open", "u1"),
        ("overflow", "u1"),
        ("drop_reason", "u2"),
        ("connect_microseconds", "u4"),
        ("rtt_sum", "u8"),
        ("rtt_count", "u4"),
        ("rtt_min", "u4"),
        ("rtt_max", "u4"),
        ("rtt_buckets", "u4", (HISTOGRAM_BUCKETS,)),
        ("reserved_end", "u4"),
    ]
)
"""struct flow of bpf/record.c."""

ANSWER_BYTES = 1232
"""What is captured of a DNS message: the most that resolvers ask for over UDP since the DNS flag
day of 2020."""

ANSWER = np.dtype(
    [
        ("time_ns", "u8"),
        ("cgroup_id", "u8"),
        ("receiver", "V16"),
        ("length", "u4"),
        ("reserved", "u4"),
        ("message", f"V{ANSWER_BYTES}"),
    ]
)
"""struct answer of bpf/dns.c."""

ROLE_CLIENT, ROLE_SERVER = 1, 2
ROLE_CERTAIN = 1

Records = NDArray[Any]

_HEADER_BYTES = 8
SLOT_BYTES = _HEADER_BYTES + RECORD.itemsize
"""What one record takes of the ring buffer, its header included."""

_BUSY, _DISCARDED = np.uint32(1 << 31), np.uint32(1 << 30)
_PAGE = mmap.PAGESIZE


class Ring(Protocol):
    """Where records come from."""

    def drain(self) -> Records:
        """All records that are complete, oldest first; never blocks."""

    def close(self) -> None:
        """Release the mappings."""


class MappedRing:
    """Reads the pages of the ring buffer directly: no call per record.

    Takes the order in which x86 makes stores visible (total store order): a record's length without
    the busy bit is seen only after its content. `open_ring` uses it only there.
    """

    def __init__(self, map_fd: int, size: int, record: np.dtype[Any] = RECORD) -> None:
        self._size = size
        self._record = record
        self._slot_bytes = _HEADER_BYTES + record.itemsize
        self.malformed = 0
        self._consumer = mmap.mmap(map_fd, _PAGE, mmap.MAP_SHARED)
        self._position = np.frombuffer(self._consumer, "u8", 1)
        self._producer = mmap.mmap(
            map_fd, _PAGE + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=_PAGE
        )
        self._produced = np.frombuffer(self._producer, "u8", 1)

    def drain(self) -> Records:
        """Nonsense in the pages is passed over and counted in `malformed`, never followed."""
        start, end = int(self._position[0]), int(self._produced[0])
        if not 0 <= end - start <= self._size:
            self.malformed += 1
            self._position[0] = end
            return np.empty(0, self._record)
        shape = ((end - start) // self._slot_bytes, self._slot_bytes // 8)
        slots = np.frombuffer(
            self._producer, "u8", shape[0] * shape[1], _PAGE + start % self._size
        ).reshape(shape)
        headers = slots[:, 0].astype("u4")
        busy = np.flatnonzero(headers & _BUSY)
        count = int(busy[0]) if busy.size else len(slots)
        kept = headers[:count] == self._record.itemsize
        if kept.all():
            words = slots[:count, 1:].copy()
        else:
            words = slots[:count, 1:][kept]
            self.malformed += int(np.count_nonzero(~kept & (headers[:count] & _DISCARDED == 0)))
        self._position[0] = start + count * self._slot_bytes
        records: Records = words.reshape(-1).view(self._record)
        return records

    def close(self) -> None:
        self._position = self._produced = np.empty(0, "u8")
        self._consumer.close()
        self._producer.close()


class CallbackRing:
    """Reads through libbpf, which knows the memory barriers of every CPU: a call per record."""

    def __init__(self, map_fd: int, record: np.dtype[Any] = RECORD) -> None:
        self._record = record
        self._taken: list[bytes] = []
        self._callback = libbpf.RECORD_CALLBACK(self._take)
        self._reader = libbpf.RingBuffer(map_fd, self._callback)

    def _take(self, _context: Any, data: Any, size: int) -> int:
        self._taken.append(ctypes.string_at(data, size))
        return 0

    def drain(self) -> Records:
        self._reader.consume()
        taken, self._taken = self._taken, []
        return np.frombuffer(b"".join(taken), self._record)

    def close(self) -> None:
        self._reader.free()
        self._taken.clear()


def open_ring(
    map_fd: int, size: int, record: np.dtype[Any], machine: str = platform.machine()
) -> Ring:
    """The fastest reader that is right on this machine; `size` is the ring's, in bytes."""
    if machine in ("x86_64", "i686"):
        return MappedRing(map_fd, size, record)
    return CallbackRing(map_fd, record)
