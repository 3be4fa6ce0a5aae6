"""The sums of the plan follow from what the generator does."""

import numpy as np
import pytest

from benchmarks.cluster import Shape
from benchmarks.scaling import INTERVALS, merged_reduction


@pytest.mark.parametrize("level", ["flows_10s", "flows_1m"])
def test_a_conversation_has_a_row_in_each_window_in_which_it_had_traffic(level: str) -> None:
    random = np.random.default_rng(1)
    active = random.random((INTERVALS[level], 200_000)) < Shape().active
    assert active.sum() / active.any(axis=0).sum() == pytest.approx(
        merged_reduction(level), rel=0.01
    )
