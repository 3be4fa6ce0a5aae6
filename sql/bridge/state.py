"""The bridge's memory: one file, so that a bridge started again goes on where the last one was.

It is written before what it says is served, so that no counter goes back below what was scraped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sql.bridge.counters import Key, State
from sql.bridge.families import GROUPS, Group
from sql.errors import StateError

ARRAYS = ("values", "held", "high")
TIMES = ("created", "grown")


class Kept(NamedTuple):
    """What the next bridge goes on with. database: which one the sums are of; states: by group."""

    origin: int
    database: str
    states: Mapping[str, State]


def save(path: Path, kept: Kept) -> None:
    """Put the file in the place of the one before, whole or not at all. Raises StateError."""
    arrays: dict[str, np.ndarray] = {
        "origin": np.array(kept.origin),
        "database": _packed(kept.database),
    }
    for group in GROUPS:
        arrays[f"{group.name}.layout"] = _packed(_layout(group))
        for name in (*ARRAYS, *TIMES):
            known: Mapping[Key, Any] = getattr(kept.states[group.name], name)
            arrays[f"{group.name}.{name}.keys"] = _packed(list(known))
            arrays[f"{group.name}.{name}"] = np.array(list(known.values()))
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise StateError(path, error.strerror or str(error)) from error


def load(path: Path) -> Kept:
    """The states of those groups that are as they were; none without a file.

    Raises StateError for a file that cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            same = [group.name for group in GROUPS if _same(group, file)]
            states = {name: _state(name, file) for name in same}
            return Kept(int(file["origin"]), json.loads(file["database"].tobytes()), states)
    except FileNotFoundError:
        return Kept(0, "", {})
    except OSError as error:
        raise StateError(path, error.strerror or str(error)) from error
    except (ValueError, KeyError, EOFError) as error:
        raise StateError(path, "it is damaged") from error


def _layout(group: Group) -> list[Any]:
    return [group.labels, [(family.name, family.width) for family in group.families]]


def _same(group: Group, file: Mapping[str, np.ndarray]) -> bool:
    name = f"{group.name}.layout"
    return name in file and bool(np.array_equal(file[name], _packed(_layout(group))))


def _state(group: str, file: Mapping[str, np.ndarray]) -> State:
    def known(name: str) -> dict[Key, Any]:
        keys = [tuple(key) for key in json.loads(file[f"{group}.{name}.keys"].tobytes())]
        return dict(zip(keys, file[f"{group}.{name}"], strict=True))

    times: Any = {name: {key: float(at) for key, at in known(name).items()} for name in TIMES}
    arrays: Any = {name: known(name) for name in ARRAYS}
    return State(**arrays, **times)


def _packed(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)
