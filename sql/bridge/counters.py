"""Counters that only grow, out of sums over a table that may shrink and pairs that come and go.

The rule. Counters start at 0 with the bridge, as every process's do. At each refresh the growth of
a pair's sum since the last one is added, whatever window it belongs to: a late row counts when it
arrives. The growth goes to the pair's own series if it has one, else to `other`; nothing is ever
moved between series, so none jumps back and the rates of all series always add up to the whole.
A pair gets a series when one is free, the heaviest first, and keeps it until it has not grown for
the time of expiry; then the series ends. A sum that shrinks (the first report of a new agent takes
the place of what others said in its stead) counts again once it is past where it was.

Summing reaches back to an origin, which moves on so that old rows need not be read for ever. At a
move both sums come from one snapshot, and growth is measured from the new one from then on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Pair = tuple[str, ...]
Totals = NDArray[np.uint64]

OTHER: Pair = ("other",) * 7


class Counters:
    """The state of the rule; `values` holds what to export, by pair and OTHER."""

    def __init__(self, width: int, series: int, expire_seconds: float) -> None:
        self.values: dict[Pair, Totals] = {OTHER: np.zeros(width, np.uint64)}
        self._series = series
        self._expire_seconds = expire_seconds
        self._high: dict[Pair, Totals] | None = None
        self._grown_at: dict[Pair, float] = {}

    @property
    def known(self) -> int:
        """Pairs seen within reach of the origin, with and without a series."""
        return len(self._high or {})

    def update(self, totals: Mapping[Pair, Totals], now: float) -> None:
        """Count what `totals`, summed since the present origin, grew by. `now` is in seconds."""
        first = self._high is None
        high = self._high or {}
        growth = {pair: _growth(high.get(pair), sums) for pair, sums in totals.items()}
        growing = totals if first else {p: grown for p, grown in growth.items() if grown.any()}
        self._expire(now)
        self._admit(growing, now)
        for pair in growing:
            if pair in self._grown_at:
                self._grown_at[pair] = now
            if not first:
                self._add(pair, growth[pair])
        self._high = {pair: np.maximum(sums, high.get(pair, sums)) for pair, sums in totals.items()}

    def move(self, old: Mapping[Pair, Totals], new: Mapping[Pair, Totals]) -> None:
        """Go on from sums since another origin; `old` are those just given to update()."""
        high = self._high or {}
        self._high = {pair: sums + (high[pair] - old[pair]) for pair, sums in new.items()}

    def _expire(self, now: float) -> None:
        for pair, grown_at in list(self._grown_at.items()):
            if now - grown_at >= self._expire_seconds:
                del self._grown_at[pair], self.values[pair]

    def _admit(self, growing: Mapping[Pair, Totals], now: float) -> None:
        free = self._series - len(self._grown_at)
        waiting = [pair for pair in growing if pair not in self._grown_at]
        heaviest = sorted(waiting, key=lambda pair: -int(growing[pair][:2].sum()))
        for pair in heaviest[: max(free, 0)]:
            self._grown_at[pair] = now
            self.values[pair] = np.zeros_like(self.values[OTHER])

    def _add(self, pair: Pair, grown: Totals) -> None:
        series = pair if pair in self._grown_at else OTHER
        self.values[series] = self.values[series] + grown


def _growth(high: Totals | None, sums: Totals) -> Totals:
    return sums if high is None else np.maximum(sums, high) - high
