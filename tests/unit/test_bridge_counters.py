"""Counters never go back, and together they count everything once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.bridge.counters import Counters, Key, Totals

A, B, C = (("cluster", name) for name in "abc")
OTHER = ("other", "other")
HOUR = 3600.0


def sums(**values: int) -> dict[Key, Totals]:
    return {("cluster", name): np.array([value, 0], np.uint64) for name, value in values.items()}


def counted(counters: Counters, key: Key) -> int:
    return int(counters.state.values[key][0])


def started(series: int = 2, **values: int) -> Counters:
    counters = Counters(keys=2, width=2, series=series, expire_seconds=HOUR)
    counters.update(sums(**values), now=0)
    return counters


def test_counters_start_at_zero_with_the_bridge() -> None:
    counters = started(a=1000)
    assert counted(counters, A) == 0
    counters.update(sums(a=1007), now=1)
    assert counted(counters, A) == 7


def test_the_heaviest_get_series_and_other_gets_the_rest() -> None:
    counters = started(a=5, b=3, c=1)
    counters.update(sums(a=6, b=5, c=5), now=1)
    assert set(counters.state.values) == {A, B, OTHER}
    assert counted(counters, OTHER) == 4


def test_a_new_key_counts_from_its_first_byte() -> None:
    counters = started(a=5)
    counters.update(sums(a=5, b=9), now=1)
    assert counted(counters, B) == 9


def test_a_key_keeps_its_series_when_others_outgrow_it() -> None:
    counters = started(series=1, a=5)
    counters.update(sums(a=6, b=1000), now=1)
    assert (counted(counters, A), counted(counters, OTHER)) == (1, 1000)


def test_an_unseen_key_gives_its_series_to_one_from_other_that_then_starts_at_zero() -> None:
    counters = started(series=1, a=5, b=1)
    counters.update(sums(a=5, b=4), now=1)
    counters.update(sums(a=5, b=6), now=HOUR + 1)
    assert A not in counters.state.values
    assert (counted(counters, B), counted(counters, OTHER)) == (2, 3)


def test_a_sum_that_shrinks_counts_again_past_where_it_was() -> None:
    counters = started(a=10)
    for now, total in enumerate((15, 12, 15, 16), start=1):
        counters.update(sums(a=total), now)
    assert counted(counters, A) == 6


def test_another_origin_loses_and_repeats_nothing() -> None:
    counters = started(a=100)
    at_the_move = sums(a=110)
    counters.update(at_the_move, now=1)
    counters.move(at_the_move, sums(a=30))
    counters.update(sums(a=35, b=2), now=2)
    assert (counted(counters, A), counted(counters, B)) == (15, 2)


def announced(series: int = 2, **values: int) -> Counters:
    counters = Counters(keys=2, width=2, series=series, expire_seconds=HOUR, announce_seconds=60)
    counters.update(sums(**values), now=0)
    counters.update(sums(**values), now=100)
    return counters


def test_a_new_series_is_served_at_zero_before_it_grows() -> None:
    counters = announced(a=5)
    counters.update(sums(a=6, b=9), now=101)
    assert (counted(counters, A), counted(counters, B)) == (1, 0)
    counters.update(sums(a=6, b=11), now=160)
    assert counted(counters, B) == 0
    counters.update(sums(a=6, b=12), now=161)
    assert counted(counters, B) == 12


def test_what_an_expired_series_held_back_is_in_other() -> None:
    counters = Counters(keys=2, width=2, series=1, expire_seconds=10, announce_seconds=60)
    counters.update({}, now=0)
    counters.update({}, now=100)
    counters.update(sums(a=7), now=101)
    counters.update(sums(a=7), now=112)
    assert counters.state.values.keys() == {OTHER}
    assert counted(counters, OTHER) == 7


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3),
    st.lists(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 9)), min_size=1, max_size=12),
)
def test_all_series_together_count_every_byte_once(
    series: int, steps: list[dict[str, int]]
) -> None:
    counters = Counters(keys=2, width=2, series=series, expire_seconds=1e9)
    counters.update({}, now=0)
    totals: dict[str, int] = {}
    before: dict[Key, int] = {}
    for now, step in enumerate(steps, start=1):
        for name, more in step.items():
            totals[name] = totals.get(name, 0) + more
        counters.update(sums(**totals), now)
        values = {key: int(value[0]) for key, value in counters.state.values.items()}
        assert all(values[key] >= value for key, value in before.items())
        assert sum(values.values()) == sum(totals.values())
        assert len(values) <= series + 1
        before = values
