"""Groups by hashing are those that a dictionary of tuples finds."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import groups
from stream.groups import Groups

far_apart = st.sampled_from([0, 1, 5, 2**40, 2**61, -(2**61)])
keys = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), far_apart), max_size=60)


@pytest.mark.parametrize("seed", [groups.SEED, 0])
@settings(max_examples=60, deadline=None)
@given(keys)
def test_rows_alike_are_one_group_in_order_of_appearance(
    seed: int, rows: list[tuple[int, ...]]
) -> None:
    """Also where every row falls into the same slot of the table."""
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    with patch.object(groups, "SEED", seed):
        found = Groups(list(columns))
    known: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(rows):
        known.setdefault(row, []).append(place)
    assert found.first.tolist() == [places[0] for places in known.values()]
    assert found.sizes.tolist() == [len(places) for places in known.values()]
    assert found.ids.tolist() == [list(known).index(row) for row in rows]
    values = pa.array([place % 7 or None for place in range(len(rows))], pa.uint32())
    members = [[values[place].as_py() for place in places] for places in known.values()]
    told = [[value for value in each if value is not None] for each in members]
    assert found.sum(values).tolist() == [sum(each) for each in told]
    assert found.maximum(values).to_pylist() == [max(each, default=None) for each in told]
    assert found.minimum(values).to_pylist() == [min(each, default=None) for each in told]


def test_sums_take_the_least_type_that_holds_them() -> None:
    alike = Groups([np.zeros(3, np.int64)])
    assert alike.sum(pa.array([200, 50, 5], pa.uint8())).dtype == np.uint8
    assert alike.sum(pa.array([200, 50, 6], pa.uint8())).dtype == np.uint16
    most = 2**64 - 1
    assert alike.sum(pa.array([most - 3, 1, 2], pa.uint64())).tolist() == [most]
