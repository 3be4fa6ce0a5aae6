"""Exactly once: which offsets of a partition are inserted together, decided once and for good.

A range is recorded in ClickHouse before its rows are inserted, and its token goes with the insert.
Ranges of a partition follow one another, and the next is recorded only after the last is inserted.
So after a crash only the last recorded range is in doubt, and it is repeated as it was cut: the
same offsets make the same rows under the same token, which ClickHouse takes only once. Everything
before it is in the tables; Kafka's committed offset merely saves reading it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stream import metrics
from stream.decode import Message
from stream.errors import LogRecreatedError, RangeTornError


@dataclass(frozen=True)
class Range:
    """Offsets first to last, both inclusive, of one partition as read by one consumer group."""

    group: str
    topic: str
    partition: int
    first: int
    last: int
    dead: tuple[int, ...] = ()
    """Offsets of messages that were set aside when the range was recorded."""

    @property
    def token(self) -> str:
        """What ClickHouse knows the range's insert by."""
        return f"{self.group}-{self.topic}-{self.partition}-{self.first}-{self.last}"


@dataclass
class Closed:
    """A range and what Kafka had in it."""

    range: Range
    messages: list[Message]
    epoch: int
    repeated: bool = False
    """Whether it was recorded before."""


@dataclass
class Cutter:
    """Cuts one partition's messages, in offset order, into ranges.

    recorded: the partition's last recorded range; what lies before it is passed over, and it is
    cut again exactly as it was. start: without one, the offset to begin at.
    """

    group: str
    topic: str
    partition: int
    epoch: int
    recorded: Range | None
    start: int = 0
    clock: Callable[[], float] = time.monotonic
    rows: int = 0
    """About so many: messages are not read here."""
    _first: int | None = None
    _position: int = -1
    _missing: tuple[range, int] = (range(0), 0)
    _opened: float = 0.0
    _messages: list[Message] = field(default_factory=list)

    def beyond(self, end_offset: int) -> bool:
        """Whether more was recorded than there is in a partition that ends there."""
        return self.recorded is not None and self.recorded.last >= end_offset

    def check(self, end_offset: int) -> None:
        """Whether this is the partition as it was recorded: raises LogRecreatedError if not."""
        if self.recorded is not None and self.beyond(end_offset):
            raise LogRecreatedError(self.partition, self.recorded.last, end_offset)

    def missing(self, offset: int) -> range:
        """The offsets that have to come before this one and did not; what is recorded may begin
        anywhere before its first one, or be left out whole."""
        if self._position >= 0:
            return range(self._position + 1, offset)
        if self.recorded is None:
            return range(self.start, offset)
        torn = self.recorded.first < offset <= self.recorded.last
        return range(self.recorded.first if torn else self.recorded.last + 1, offset)

    def rewound(self, missing: range) -> int:
        """Counts how often the same offsets were missing."""
        self._missing = (missing, self._missing[1] + 1 if missing == self._missing[0] else 1)
        return self._missing[1]

    def skip(self, missing: range) -> None:
        """Goes on after offsets at which Kafka has no message. Raises RangeTornError."""
        if self.recorded and self.recorded.first < missing.stop <= self.recorded.last:
            recorded = self.recorded
            raise RangeTornError(self.partition, recorded.first, recorded.last, missing.stop)
        metrics.expired_messages.inc(len(missing))
        self._position = missing.stop - 1

    def add(self, message: Message) -> None:
        """Takes the next message."""
        offset = message.offset
        if offset <= self._position or (self.recorded and offset < self.recorded.first):
            return
        if self._first is None:
            self._first, self._opened = offset, self.clock()
        self._position = offset
        self._messages.append(message)
        self.rows += message.rows_about

    def due(self, rows: int, seconds: float) -> bool:
        """Whether the open range should be closed: at its size, at its age, or where it was."""
        if self._first is None:
            return False
        if self._repeating():
            return self.recorded is not None and self._position >= self.recorded.last
        return self.rows >= rows or self.clock() - self._opened >= seconds

    def close(self) -> Closed | None:
        """What was added since the last close. A range being repeated stays open till complete."""
        if self._first is None or (self._repeating() and not self.due(0, 0)):
            return None
        cut = Range(self.group, self.topic, self.partition, self._first, self._position)
        if repeated := self._repeating() and self.recorded is not None:
            cut = self.recorded
        closed = Closed(cut, self._messages, self.epoch, repeated)
        self._first, self._messages, self.rows = None, [], 0
        return closed

    def _repeating(self) -> bool:
        return (
            self.recorded is not None
            and self._first is not None
            and self._first <= self.recorded.last
        )
