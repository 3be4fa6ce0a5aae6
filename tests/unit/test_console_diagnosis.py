"""The sentence that says why an edge is not healthy."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql.console.diagnosis import CAUSES, duration, percent, sentence

NOTHING = dict.fromkeys(
    (
        *(cause.part for cause in CAUSES),
        *("segments", "packets_to_server", "packets_to_client", "connections_attempted"),
        *("retransmitted_segments", "retransmitted_syns", "resets"),
        *("connections_refused", "connections_timed_out", "connections_reset"),
        *("connections_unreachable", "connections_failed"),
    ),
    0,
) | {"rtt_p95": None}
HALF_PAST_TWO = 1_795_617_000
RETRANSMITS = (35.0, 0, 0, 0, 0, 0, 0)
FAILURES = (0, 35.0, 0, 0, 0, 0, 0)


def measures(**given: Any) -> dict[str, Any]:
    return NOTHING | given


def point(minute: int, zones: str, again: int) -> dict[str, Any]:
    where = {"client_zone": zones[0], "server_zone": zones[1]}
    return measures(
        time=HALF_PAST_TWO + 60 * minute, segments=1000, retransmitted_segments=again, **where
    )


def test_what_it_is_what_it_was_since_when_and_where() -> None:
    now = measures(segments=100_000, retransmitted_segments=4_100)
    before = measures(segments=100_000, retransmitted_segments=20)
    points = [
        point(minute, zones, 80 if minute >= 2 and zones == "ab" else 0)
        for minute in range(5)
        for zones in ("aa", "ab")
    ]
    assert sentence(now, before, points, RETRANSMITS) == (
        "retransmits 4.1 %, was 0.02 %, began 14:32 UTC, only a → b"
    )


def test_syns_that_were_sent_again_are_left_out_as_they_are_by_the_score() -> None:
    now = measures(segments=10_000, retransmitted_segments=450, retransmitted_syns=50)
    before = measures(segments=10_000, retransmitted_segments=90, retransmitted_syns=90)
    assert sentence(now, before, [], RETRANSMITS) == "retransmits 4 %, was 0 %"


def test_resets_that_ended_a_failed_connection_are_left_out_too() -> None:
    now = measures(connections_attempted=50, resets=30, connections_refused=8, connections_reset=2)
    told = sentence(now, None, [], (0, 0, 0, 10.0, 0, 0, 0))
    assert told == "20 resets beside those of failed connections"


def test_what_was_so_from_the_start_and_everywhere_has_neither_time_nor_place() -> None:
    now = measures(segments=10_000, retransmitted_segments=400)
    points = [point(minute, zones, 40) for minute in range(3) for zones in ("aa", "ab")]
    assert sentence(now, None, points, RETRANSMITS) == "retransmits 4 %"


def test_what_went_away_again_did_not_begin() -> None:
    now = measures(segments=5_000, retransmitted_segments=150)
    points = [point(minute, "ab", again) for minute, again in enumerate((0, 100, 50, 0, 0))]
    assert sentence(now, None, points, RETRANSMITS) == "retransmits 3 %"


def test_what_was_about_as_bad_before_did_not_begin() -> None:
    now = measures(segments=5_000, retransmitted_segments=150)
    before = measures(segments=5_000, retransmitted_segments=140)
    points = [point(minute, "ab", again) for minute, again in enumerate((0, 50, 0, 0, 100))]
    assert sentence(now, before, points, RETRANSMITS) == "retransmits 3 %, was 2.8 %"


def test_failures_are_told_by_their_cause() -> None:
    failed = {"connections_refused": 12, "connections_reset": 3, "connections_failed": 15}
    now = measures(connections_attempted=60, **failed)
    assert sentence(now, None, [], FAILURES) == "25 % of connections fail (12 refused, 3 otherwise)"


def test_the_dearest_cause_comes_first_and_trifles_not_at_all() -> None:
    now = measures(
        segments=1000, retransmitted_segments=10, zero_windows=9, resets=1, connections_attempted=50
    )
    told = sentence(now, None, [], (13.3, 0, 0, 0.2, 9.0, 0, 0))
    assert told == "retransmits 1 %; a receiver had its window full 9 times"


def test_an_edge_without_a_cause_is_fine() -> None:
    assert sentence(measures(), None, [], (0,) * len(CAUSES)) == "nothing is wrong"


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["aa", "ab", "ba"]), st.integers(0, 1000)),
        max_size=20,
    ),
    st.none() | st.integers(0, 1000),
)
def test_the_sentence_stands_for_whatever_there_is(
    told: list[tuple[int, str, int]], was: int | None
) -> None:
    points = [point(*one) for one in sorted(told)]
    now = measures(
        segments=1000 * len(points), retransmitted_segments=sum(again for _, _, again in told)
    )
    before = None if was is None else measures(segments=1000, retransmitted_segments=was)
    said = sentence(now, before, points, RETRANSMITS)
    assert said.startswith("retransmits ")
    assert ("was" in said) == (was is not None)


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(41, 1000, "4.1 %"), (2, 10_000, "0.02 %"), (0, 5, "0 %"), (1, 1, "100 %"), (0, 0, "0 %")],
)
def test_shares_have_two_digits(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said


@pytest.mark.parametrize(
    ("microseconds", "said"), [(431, "431 µs"), (12_300, "12.3 ms"), (1_500_000, "1.5 s")]
)
def test_durations_are_in_the_unit_that_suits(microseconds: int, said: str) -> None:
    assert duration(microseconds) == said
