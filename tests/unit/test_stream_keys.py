"""The hash table against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.keys import Keys

WORDS = st.integers(0, 2**64 - 1) | st.integers(0, 20)
BATCHES = st.lists(st.lists(st.tuples(WORDS, WORDS), max_size=30), max_size=6)


def array(keys: list[tuple[int, int]]) -> np.ndarray:
    return np.array(keys, "u8").reshape(-1, 2)


@given(batches=BATCHES, others=st.lists(st.tuples(WORDS, WORDS), max_size=20))
@settings(max_examples=100, deadline=None)
def test_keys_are_numbered_in_the_order_in_which_they_come(
    batches: list[list[tuple[int, int]]], others: list[tuple[int, int]]
) -> None:
    keys, numbers = Keys(2), dict[tuple[int, int], int]()
    for batch in batches:
        expected = [numbers.setdefault(key, len(numbers)) for key in batch]
        assert keys.add(array(batch)).tolist() == expected
    assert keys.find(array(others)).tolist() == [numbers.get(key, -1) for key in others]
    assert len(keys) == len(numbers)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_table_that_grew_and_was_thinned_out_finds_what_it_kept(width: int) -> None:
    chooser = np.random.default_rng(3)
    # Differing in few bits, as addresses of one subnet do.
    made = np.zeros((40_000, width), "u8")
    made[:, -1] = np.arange(40_000) << 48
    keys = Keys(width)
    for part in np.array_split(made, 7):
        keys.add(np.repeat(part, 2, axis=0))
    assert (keys.find(made) == np.arange(40_000)).all()
    kept = np.sort(chooser.permutation(40_000)[:5_000])
    held = keys.nbytes
    keys.keep(kept)
    expected = np.full(40_000, -1)
    expected[kept] = np.arange(5_000)
    assert (keys.find(made) == expected).all()
    assert (keys.keys == made[kept]).all()
    assert keys.nbytes < held / 3
    assert keys.add(made[:1]).tolist() == [5_000 if 0 not in kept else 0]
