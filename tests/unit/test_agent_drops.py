"""Drops add up by group and reason."""

from __future__ import annotations

import numpy as np
import pytest

from agent import drops


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drops, "_names", lambda: {3: "NO_SOCKET", 4: "SOCKET_CLOSE"})


def test_packets_add_up_by_group_and_reason() -> None:
    dropped, reason = np.array([0, 2, 1, 0, 5, 3]), np.array([0, 3, 3, 0, 4, 900])
    maps = drops.reason_maps(dropped, reason, np.array([0, 3, 4]))
    assert maps.to_pylist() == [[("NO_SOCKET", 3)], [], [("SOCKET_CLOSE", 5), ("900", 3)]]


def test_without_drops_there_is_no_map() -> None:
    nothing = np.zeros(2, "u4")
    assert drops.reason_maps(nothing, nothing, np.array([0, 1])).to_pylist() == [None, None]
