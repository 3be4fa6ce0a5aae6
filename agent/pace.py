"""How long an interval is: longer under overload, so that there are fewer records to lose."""

from __future__ import annotations

import logging

from agent import metrics

log = logging.getLogger(__name__)

_FULL = 0.5
"""A ring buffer this full when drained would soon have no room."""
_CALM = 0.2
"""Half the interval makes twice the records at the most: still less than _FULL."""
_LONGEST = 8


class Pace:
    """Doubles the interval after one with overload, up to eightfold; halves it after a calm one."""

    def __init__(self, interval_seconds: float) -> None:
        self._shortest = interval_seconds
        self.seconds = interval_seconds
        self._fill = 0.0
        self._refused = 0
        metrics.INTERVAL.set(interval_seconds)

    def observe(self, *, fill: float = 0.0, refused: int = 0) -> None:
        """fill: share of the ring buffer that was used. refused: records that found it full."""
        self._fill = max(self._fill, fill)
        self._refused += refused

    def settle(self) -> bool:
        """At an interval's end: whether the next one has another length."""
        before = self.seconds
        if self._fill > _FULL or self._refused:
            self.seconds = min(2 * before, _LONGEST * self._shortest)
        elif self._fill < _CALM:
            self.seconds = max(before / 2, self._shortest)
        if self.seconds != before:
            log.warning(
                "interval changed seconds=%g was=%g ring_fill=%.2f refused_records=%d",
                *(self.seconds, before, self._fill, self._refused),
            )
            metrics.INTERVAL.set(self.seconds)
        self._fill, self._refused = 0.0, 0
        return self.seconds != before
