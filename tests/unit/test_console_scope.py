"""What a request's parameters mean."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql.console.errors import BadParameterError
from sql.console.scope import DAY, FEW_MINUTES, LATEST, LONGEST, Scope, moment, scope


def test_a_range_ends_now() -> None:
    asked = scope(last="15m")
    assert asked.live
    assert asked.seconds == 900
    assert 0 <= asked.until - time.time() <= 1


def test_since_and_until_go_before_range() -> None:
    asked = scope(last="15m", since=1000, until=4600)
    assert (asked.since, asked.until, asked.live) == (1000, 4600, False)
    assert scope(last="1h", until=7200).since == 3600


@given(st.integers(0, LATEST), st.integers(0, LATEST))
def test_any_two_moments_are_a_range_or_refused(since: int, until: int) -> None:
    if 0 < until - since <= LONGEST:
        asked = scope(last="15m", since=since, until=until)
        assert (asked.since, asked.until) == (since, until)
    else:
        with pytest.raises(BadParameterError, match="since has to be before until"):
            scope(last="15m", since=since, until=until)


@given(st.integers(0, 10**6), st.integers(1, LONGEST), st.integers(0, LONGEST))
def test_before_is_as_long_but_not_before_1970(since: int, length: int, shift: int) -> None:
    asked = scope(last="15m", since=since, until=since + length)
    earlier = asked.before(shift)
    assert earlier.since >= 0
    if shift <= since:
        assert (earlier.since + shift, earlier.seconds) == (since, length)
    assert earlier.parameters()["since"] == moment(earlier.since)
    assert len(moment(since)) == 10


@pytest.mark.parametrize("wrong", ["", "15", "m", "0m", "15 m", "1w", "-1h", "1h\n"])
def test_a_range_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(BadParameterError, match="is not like 15m, 1h or 7d"):
        scope(last=wrong)


def test_labels_are_keys_and_values() -> None:
    parameters = scope(last="1h", label=["app=web", "tier=a=b"]).parameters()
    assert parameters["label_keys"] == ["app", "tier"]
    assert parameters["label_values"] == ["web", "a=b"]
    with pytest.raises(BadParameterError, match="'web' is not like key=value"):
        scope(last="1h", label=["web"])


@given(st.integers(0, 90 * DAY), st.integers(FEW_MINUTES, 3 * DAY))
def test_whole_minutes_hold_the_same_windows(ago: int, seconds: int) -> None:
    until = int(time.time()) - ago
    asked = scope(last="15m", since=until - seconds, until=until)
    wider = asked.whole_minutes
    assert 0 <= asked.since - wider.since < 60
    assert 0 <= wider.until - asked.until < 60
    assert _windows(wider) == _windows(asked)


def _windows(asked: Scope) -> set[int]:
    """The minutes of those that queries/read_pieces.sql reads."""
    first, until, *bounds = (
        int(asked.summed()[name])
        for name in ("first", "until", "tens", "tens_end", "hours", "hours_end")
    )
    tens, tens_end, hours, hours_end = bounds
    begins = {
        60: [at for at in range(-(-first // 60) * 60, until, 60) if not tens <= at < tens_end],
        600: [
            at for at in range(-(-tens // 600) * 600, tens_end, 600) if not hours <= at < hours_end
        ],
        3600: range(-(-hours // 3600) * 3600, hours_end, 3600),
    }
    return {
        at + more for step, found in begins.items() for at in found for more in range(0, step, 60)
    }
