"""Batches on disk from when they are made until Kafka has acknowledged them.

One file a batch, written beside its name and renamed, so a name never stands for half a file. The
name orders the files and says what would be lost with each, even if its content is damaged.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from agent import metrics
from agent.errors import SpoolError
from agent.wire import Headers

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{20})-(\d+)-(\d+)\.batch")
_BLOCK = 4096
_KEPT_ASIDE = 8


class CorruptBatchError(Exception):
    """A file of the spool is not what was written."""


@dataclass(frozen=True, slots=True)
class Message:
    """What Kafka is to get."""

    topic: str
    headers: Headers
    value: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch in the spool. volume: application bytes of its rows. size: bytes on disk."""

    number: int
    rows: int
    volume: int
    size: int

    @property
    def name(self) -> str:
        return f"{self.number:020d}-{self.rows}-{self.volume}.batch"


class Spool:
    """A bounded queue of batches that outlives the process. For one process, and one thread of it.

    A batch waits, is handed over (`take`), and goes when it is acknowledged (`remove`). What was
    handed over when the process died waits again. When there is no room the oldest waiting batch is
    dropped, and counted.
    """

    def __init__(self, directory: Path, limit_bytes: int) -> None:
        self.directory = directory
        self._limit = limit_bytes
        self._waiting: deque[Entry] = deque()
        self._handed: dict[int, Entry] = {}
        self._lock = -1
        self.next_number = 0
        self.size = 0
        self.handed_size = 0
        self.dropped_rows = 0
        self.dropped_bytes = 0

    def open(self) -> None:
        """Find what an earlier process left. Raises SpoolError."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for unfinished in self.directory.glob("*.part"):
                unfinished.unlink()
        except BlockingIOError as error:
            raise SpoolError(
                f"another agent already spools to {self.directory}: stop it, or name another "
                "directory with --spool-directory"
            ) from error
        except OSError as error:
            raise SpoolError(
                f"the spool directory {self.directory} cannot be used ({error.strerror}): "
                "make it writable, or name another with --spool-directory"
            ) from error
        self._waiting.extend(self._find())
        self.size = sum(entry.size for entry in self._waiting)
        self.next_number = self._waiting[-1].number + 1 if self._waiting else 0
        self._make_room(0)
        self._measure()

    def close(self) -> None:
        """Let another process open it; the batches stay."""
        os.close(self._lock)

    def __len__(self) -> int:
        """Batches that Kafka has not acknowledged."""
        return len(self._waiting) + len(self._handed)

    def put(self, message: Message, rows: int, volume: int) -> None:
        """Returns when the batch will survive a crash of the machine, or was dropped itself because
        there is no room even without those that wait. Raises OSError if the disk does not take it.
        """
        content = _pack(message)
        size = -(-len(content) // _BLOCK) * _BLOCK
        entry = Entry(self.next_number, rows, volume, size)
        if not self._make_room(size):
            self.count_dropped(rows, volume, "full")
            return
        write_durably(self.directory / entry.name, content)
        self.next_number += 1
        self._waiting.append(entry)
        self.size += size
        self._measure()

    def next_size(self) -> int | None:
        """Size of the entry that `take` would return."""
        return self._waiting[0].size if self._waiting else None

    def take(self) -> Entry:
        """Hand over the oldest waiting batch."""
        entry = self._waiting.popleft()
        self._handed[entry.number] = entry
        self.handed_size += entry.size
        return entry

    def read(self, entry: Entry) -> Message:
        """Raises CorruptBatchError."""
        try:
            return _unpack((self.directory / entry.name).read_bytes())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptBatchError(f"{entry.name}: {error}") from error

    def remove(self, entry: Entry) -> None:
        """Kafka has acknowledged a batch that was handed over."""
        self._forget(entry)
        (self.directory / entry.name).unlink(missing_ok=True)

    def drop(self, entry: Entry, reason: str) -> None:
        """Give up a batch that was handed over."""
        self.remove(entry)
        self.count_dropped(entry.rows, entry.volume, reason)

    def set_aside(self, entry: Entry) -> None:
        """Give up a batch that cannot be read, but keep its file to be looked at."""
        self._forget(entry)
        self.count_dropped(entry.rows, entry.volume, "corrupt")
        path = self.directory / entry.name
        if path.exists():
            path.rename(path.with_suffix(".corrupt"))
        for old in sorted(self.directory.glob("*.corrupt"))[:-_KEPT_ASIDE]:
            old.unlink()

    def withdraw(self, number: int, topic: str) -> None:
        """Take out the waiting batches of a topic that were put since `next_number` was this."""
        late = [entry for entry in self._waiting if entry.number >= number]
        for entry in late:
            with contextlib.suppress(CorruptBatchError):
                if self.read(entry).topic == topic:
                    self._waiting.remove(entry)
                    self._handed[entry.number] = entry
                    self.handed_size += entry.size
                    self.remove(entry)

    def put_back(self, entry: Entry) -> None:
        """A batch that was handed over last waits again."""
        del self._handed[entry.number]
        self.handed_size -= entry.size
        self._waiting.appendleft(entry)

    def put_all_back(self) -> None:
        """Everything handed over and not acknowledged waits again, in its old order."""
        for entry in sorted(self._handed.values(), key=_number, reverse=True):
            self.put_back(entry)

    def count_dropped(self, rows: int, volume: int, reason: str) -> None:
        """Rows that will not reach Kafka, and their application bytes."""
        self.dropped_rows += rows
        self.dropped_bytes += volume
        metrics.DROPPED_BATCHES.labels(reason).inc()
        metrics.DROPPED_ROWS.labels(reason).inc(rows)
        metrics.DROPPED_BYTES.labels(reason).inc(volume)

    def _find(self) -> list[Entry]:
        found = []
        for path in self.directory.iterdir():
            if match := _NAME.fullmatch(path.name):
                number, rows, volume = map(int, match.groups())
                size = -(-path.stat().st_size // _BLOCK) * _BLOCK
                found.append(Entry(number, rows, volume, size))
        return sorted(found, key=_number)

    def _make_room(self, size: int) -> bool:
        while self._waiting and self.size + size > self._limit:
            self.drop(self.take(), "full")
        return self.size + size <= self._limit

    def _forget(self, entry: Entry) -> None:
        del self._handed[entry.number]
        self.handed_size -= entry.size
        self.size -= entry.size
        self._measure()

    def _measure(self) -> None:
        metrics.SPOOL_BATCHES.set(len(self))
        metrics.SPOOL_BYTES.set(self.size)


def write_durably(path: Path, content: bytes) -> None:
    """The whole file or none, on the disk when this returns. Raises OSError."""
    unfinished = path.with_suffix(".part")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _number(entry: Entry) -> int:
    return entry.number


def _pack(message: Message) -> bytes:
    headers = [[name, value.decode()] for name, value in message.headers]
    envelope = json.dumps({"topic": message.topic, "headers": headers}).encode()
    content = envelope + b"\n" + message.value
    return b"%08x" % zlib.crc32(content) + content


def _unpack(packed: bytes) -> Message:
    checksum, content = packed[:8], packed[8:]
    if int(checksum, 16) != zlib.crc32(content):
        raise ValueError("its checksum is wrong")
    envelope, _, value = content.partition(b"\n")
    known = json.loads(envelope)
    headers = [(name, text.encode()) for name, text in known["headers"]]
    return Message(known["topic"], headers, value)
