"""Groups by hashing are those that a dictionary of tuples finds."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import groups
from stream.groups import Groups

far_apart = st.sampled_from([0, 1, 5, 2**40, 2**61, -(2**61)])
keys = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), far_apart), max_size=60)


@pytest.mark.parametrize("multipliers", [groups.MULTIPLIERS, (0, 0)])
@settings(max_examples=60, deadline=None)
@given(keys)
def test_rows_alike_are_one_group_in_order_of_appearance(
    multipliers: tuple[int, ...], rows: list[tuple[int, ...]]
) -> None:
    """Also where every key falls into the same slot of the table."""
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    with patch.object(groups, "MULTIPLIERS", multipliers):
        found = Groups(list(columns))
    known: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(rows):
        known.setdefault(row, []).append(place)
    assert found.first.tolist() == [places[0] for places in known.values()]
    assert found.sizes.tolist() == [len(places) for places in known.values()]
    assert found.ids.tolist() == [list(known).index(row) for row in rows]
    values = np.arange(len(rows), dtype=np.uint64) + np.uint64(2**40)
    assert found.sum(values).tolist() == [sum(values[p].tolist()) for p in known.values()]
    assert found.maximum(values).tolist() == [values[p].max() for p in known.values()]
    assert found.minimum(values).tolist() == [values[p].min() for p in known.values()]
