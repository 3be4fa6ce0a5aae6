"""Periods, times and places of a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql.schema import END_LEVELS, LEVELS, ROLLUPS, WORKLOAD_LEVELS
from stream.decode import Message
from stream.repeats import Numbers
from stream.replay.dead import LONGEST_NOTE, Letter, noted, places_done
from stream.replay.period import Offsets, Period, Time

HOUR = timedelta(hours=1)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=40)))
def test_a_period_is_the_least_whole_hours_around_two_moments(
    first: datetime, length: timedelta
) -> None:
    last = first + length
    period = Period.around(first, last)
    assert period.begin <= first < period.begin + HOUR
    assert period.end - HOUR < last <= period.end
    for edge in (period.begin, period.end):
        assert edge.timestamp() % 3600 == 0


def test_every_rollups_windows_end_where_periods_do() -> None:
    rollups = ROLLUPS | WORKLOAD_LEVELS | END_LEVELS
    assert all(3600 % rollup.seconds == 0 for rollup in rollups.values())
    assert set(LEVELS) == {"flows_10s", *rollups}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:30", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31T08:30+02:00", datetime(2026, 1, 31, 6, 30, tzinfo=UTC)),
        ("2026-01-31T08:30Z", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, expected: datetime) -> None:
    assert Time().convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "8:30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time such as"):
        Time().convert(text, None, None)


def test_offsets_are_a_partition_and_two_inclusive_offsets() -> None:
    assert Offsets().convert("3:10-12", None, None) == (3, 10, 12)
    for text in ("3:12-10", "10-12", "a:1-2", "3:1"):
        with pytest.raises(click.BadParameter, match="is no run of offsets such as"):
            Offsets().convert(text, None, None)


@given(st.sets(st.integers(0, 60)), st.integers(0, 20))
def test_what_was_put_back_is_known_again_by_place_and_note(done: set[int], low: int) -> None:
    numbers = Numbers([(-1, -1)])
    for offset in done:
        numbers.add(offset)
    known = places_done(noted(numbers), low)
    assert {offset for offset in range(low, 61) if offset in known} == {
        offset for offset in done if offset >= low
    }
    assert noted(known).offset >= low


def test_a_note_that_kafka_would_not_take_is_left_out() -> None:
    numbers = Numbers([(-1, 9), *((offset, offset) for offset in range(20, 4000, 2))])
    assert noted(numbers).note == ""
    assert noted(numbers).offset == 10
    assert len(noted(Numbers([(-1, 9), (20, 30)])).note) <= LONGEST_NOTE


def test_a_dead_letter_without_origin_is_no_reason_to_fail() -> None:
    letter = Letter.of(Message("flows.dead", 0, 5, 0.0, None, b"", [("schema", b"\xff")]))
    assert (letter.original.topic, letter.original.partition, letter.reason) == ("", -1, "")
    assert letter.unreadable()
    assert letter.origin() == ("", "\ufffd", "?")


@given(st.sets(st.integers(0, 40)))
def test_numbers_contain_what_was_added(added: set[int]) -> None:
    numbers = Numbers()
    for number in added:
        numbers.add(number)
    assert {number for number in range(-1, 42) if number in numbers} == added
