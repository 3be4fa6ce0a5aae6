"""Counters that only grow, out of sums over a table that may shrink and keys that come and go.

The rule. Counters start at 0 with the first refresh, and go on where they were when a bridge starts
again with its state. At each refresh the growth of a key's sum since the last one is added,
whatever window it belongs to: a late row counts when it arrives. The growth goes to the key's own
series if it has one, else to `other`; nothing is ever moved between series, so none jumps back and
the rates of all series always add up to the whole. A key gets a series when one is free, the
heaviest first, and keeps it until it has not grown for the time of expiry; then the series ends. A
sum that shrinks (the first report of a new agent takes the place of what others said in its stead)
counts again once it is past where it was.

A new series is served at 0 for a while before what it has grown by is added: Prometheus takes the
first value that it sees of a series for its beginning, so whatever had come before would be in no
rate.

Summing reaches back to an origin, which moves on so that old rows need not be read for ever. At a
move both sums come from one snapshot, and growth is measured from the new one from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Key = tuple[str, ...]
Totals = NDArray[np.uint64]


@dataclass
class State:
    """All that the rule goes by. Times are Unix seconds."""

    values: dict[Key, Totals] = field(default_factory=dict)
    """What is served, by key and `other`."""
    created: dict[Key, float] = field(default_factory=dict)
    """Since when, of each series."""
    grown: dict[Key, float] = field(default_factory=dict)
    """When it last grew, of each series but `other`."""
    held: dict[Key, Totals] = field(default_factory=dict)
    """What new series have grown by and do not show yet."""
    high: dict[Key, Totals] = field(default_factory=dict)
    """The highest sums seen of every key, with a series or without."""


class Counters:
    """Applies the rule to the metrics of one group; `state` is to be read, and kept, by others."""

    def __init__(
        self,
        *,
        keys: int,
        width: int,
        series: int,
        expire_seconds: float,
        announce_seconds: float = 0,
        state: State | None = None,
    ) -> None:
        self.other: Key = ("other",) * keys
        self.state = state or State()
        self._width = width
        self._series = series
        self._expire_seconds = expire_seconds
        self._announce_seconds = announce_seconds

    def update(self, totals: Mapping[Key, Totals], now: float) -> None:
        """Count what `totals`, summed since the present origin, grew by. `now` is in seconds."""
        state = self.state
        first = not state.values
        if first:
            self._begin(self.other, now)
        self._show(now)
        growth = {key: _growth(state.high.get(key), sums) for key, sums in totals.items()}
        growing = totals if first else {k: grown for k, grown in growth.items() if grown.any()}
        self._expire(now)
        self._admit(growing, now)
        for key in growing:
            if key in state.grown:
                state.grown[key] = now
            if not first:
                self._add(key if key in state.grown else self.other, growth[key])
        state.high = {k: np.maximum(sums, state.high.get(k, sums)) for k, sums in totals.items()}

    def move(self, old: Mapping[Key, Totals], new: Mapping[Key, Totals]) -> None:
        """Go on from sums since another origin; `old` are those just given to update()."""
        high = self.state.high
        self.state.high = {key: sums + (high[key] - old[key]) for key, sums in new.items()}

    def _show(self, now: float) -> None:
        state = self.state
        for key in [k for k in state.held if now - state.created[k] >= self._announce_seconds]:
            state.values[key] = state.values[key] + state.held.pop(key)

    def _expire(self, now: float) -> None:
        state = self.state
        for key, grown_at in list(state.grown.items()):
            if now - grown_at >= self._expire_seconds:
                del state.grown[key], state.values[key], state.created[key]
                if key in state.held:
                    self._add(self.other, state.held.pop(key))

    def _admit(self, growing: Mapping[Key, Totals], now: float) -> None:
        free = self._series - len(self.state.grown)
        waiting = [key for key in growing if key not in self.state.grown]
        heaviest = sorted(waiting, key=lambda key: -int(growing[key][:2].sum()))
        for key in heaviest[: max(free, 0)]:
            self.state.grown[key] = now
            self._begin(key, now)

    def _begin(self, key: Key, now: float) -> None:
        zero = np.zeros(self._width, np.uint64)
        self.state.values[key] = zero
        self.state.created[key] = now
        if self._announce_seconds:
            self.state.held[key] = zero

    def _add(self, key: Key, grown: Totals) -> None:
        into = self.state.held if key in self.state.held else self.state.values
        into[key] = into[key] + grown


def _growth(high: Totals | None, sums: Totals) -> Totals:
    return sums if high is None else np.maximum(sums, high) - high
