"""Ranges: cut once, repeated exactly, whatever happened in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.decode import ROW_BYTES, Message
from stream.errors import LogRecreatedError, RangeTornError
from stream.ranges import Cutter, Range


def message(offset: int) -> Message:
    """One that tells of two rows."""
    headers = [("schema", b"flows+transposed")]
    return Message("flows", 0, offset, 0.0, None, ROW_BYTES.to_bytes(4, "little"), headers)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def cutter(recorded: Range | None = None, **options: Any) -> Cutter:
    return Cutter("g", "flows", 0, epoch=0, recorded=recorded, **options)


def cut(first: int, last: int) -> Range:
    return Range("g", "flows", 0, first, last)


def feed(target: Cutter, offsets: range, rows: int) -> list[Range]:
    closed = []
    for offset in offsets:
        target.add(message(offset))
        if target.due(rows, 1e9) and (found := target.close()):
            closed.append(found.range)
    return closed


def test_a_range_closes_at_its_size() -> None:
    assert feed(cutter(), range(10, 17), rows=4) == [cut(10, 11), cut(12, 13), cut(14, 15)]


def test_a_range_closes_at_its_age() -> None:
    clock = Clock()
    target = cutter(clock=clock)
    target.add(message(5))
    assert not target.due(100, 2.0)
    clock.now = 2.0
    assert target.due(100, 2.0)


def test_the_last_recorded_range_is_repeated_as_it_was_cut() -> None:
    assert feed(cutter(cut(10, 14)), range(10, 20), rows=4) == [
        cut(10, 14),
        cut(15, 16),
        cut(17, 18),
    ]


def test_what_lies_before_the_last_recorded_range_is_passed_over() -> None:
    """Committed offsets may lag or be set back: the rows are in the tables."""
    assert feed(cutter(cut(10, 14)), range(3, 17), rows=4) == [cut(10, 14), cut(15, 16)]


def test_an_unfinished_repetition_is_not_closed_by_age_or_drain() -> None:
    clock = Clock()
    target = cutter(cut(10, 14), clock=clock)
    target.add(message(10))
    clock.now = 100.0
    assert not target.due(1, 1.0)
    assert target.close() is None


def test_a_message_delivered_again_is_taken_once() -> None:
    target = cutter()
    for offset in (5, 6, 5, 6):
        target.add(message(offset))
    closed = target.close()
    assert closed is not None
    assert [found.offset for found in closed.messages] == [5, 6]


def test_a_topic_created_anew_is_noticed() -> None:
    with pytest.raises(LogRecreatedError, match="--group"):
        cutter(cut(10, 14)).check(end_offset=3)


def test_a_range_torn_by_retention_is_noticed() -> None:
    torn = cutter(cut(10, 14))
    with pytest.raises(RangeTornError, match="10-14"):
        torn.skip(torn.missing(12))


@given(st.lists(st.integers(1, 9), min_size=1), st.data())
def test_restarts_anywhere_end_with_the_same_ranges(sizes: list[int], data: st.DataObject) -> None:
    """Every worker's ranges are inserted under their token, so tokens must not overlap."""
    end = 40
    recorded: list[Range] = []
    for rows in sizes:
        last = recorded[-1] if recorded else None
        committed = data.draw(st.integers(0, last.first if last else 0))
        stops = data.draw(st.integers(committed, end))
        for found in feed(cutter(last), range(committed, stops), rows):
            if not last or found.first > last.last:
                recorded.append(found)
            else:
                assert found == last
    covered = [offset for found in recorded for offset in range(found.first, found.last + 1)]
    assert covered == list(range(len(covered)))
