"""A bridge started again goes on where the last one was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sql.bridge import state as module
from sql.bridge.counters import Counters, State
from sql.bridge.families import GROUPS, LEDGERS, PAIRS
from sql.bridge.state import Kept, load, save
from sql.errors import StateError

KEY = ("c", "pod", "shop", 'a "quoted" \\ name', "pod", "shop", "б")


def sums(value: int) -> dict[tuple[str, ...], np.ndarray]:
    return {KEY: np.full(PAIRS.width, value, np.uint64)}


def counters(state: State | None = None) -> Counters:
    return Counters(
        keys=len(PAIRS.labels),
        width=PAIRS.width,
        series=10,
        expire_seconds=1e9,
        announce_seconds=60,
        state=state,
    )


def kept(state: State) -> Kept:
    others = {group.name: State() for group in GROUPS}
    return Kept(1_700_000_000, "database", others | {PAIRS.name: state})


def test_a_restart_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "made" / "bridge.npz"
    without, restarted = counters(), counters()
    for now, value in enumerate((5, 9, 1 << 60, (1 << 60) + 7)):
        for each in (without, restarted):
            each.update(sums(value), 100.0 * now)
        save(file, kept(restarted.state))
        read = load(file)
        assert (read.origin, read.database) == (1_700_000_000, "database")
        restarted = counters(read.states[PAIRS.name])
        for key, values in without.state.values.items():
            assert np.array_equal(restarted.state.values[key], values)
        assert restarted.state.created == without.state.created
        assert restarted.state.grown == without.state.grown


def test_without_a_file_it_starts_anew(tmp_path: Path) -> None:
    assert load(tmp_path / "bridge.npz") == Kept(0, "", {})


def test_a_group_of_another_version_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "bridge.npz", kept(State()))
    wider = type(PAIRS)(PAIRS.name, PAIRS.labels, PAIRS.families[1:], PAIRS.setting)
    monkeypatch.setattr(module, "GROUPS", (wider, LEDGERS))
    assert load(tmp_path / "bridge.npz").states.keys() == {LEDGERS.name}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bridge.npz"
    for damage in (b"", b"PK", b"nonsense"):
        file.write_bytes(damage)
        with pytest.raises(StateError, match=r"bridge\.npz is of no use"):
            load(file)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="file"):
        save(tmp_path / "file" / "bridge.npz", kept(State()))
