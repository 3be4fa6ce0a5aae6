"""What was so when: entries on the timelines of many groups, found by group and time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TIME_BITS = 40
EPOCH_MS = 1_577_836_800_000
"""2020-01-01: from here 40 bits of milliseconds reach to 2054."""
LATEST = (1 << TIME_BITS) - 1
"""After all times; as an end, of what goes on."""
MILLISECOND = 1_000_000
BEYOND = np.uint64(2**64 - 1)
NONE = -1


def ticks(nanoseconds: Array | int) -> Array:
    """Unix nanoseconds as milliseconds since 2020 (i8), the nearest that there are."""
    clipped: Array = np.clip(np.asarray(nanoseconds, "i8") // MILLISECOND - EPOCH_MS, 0, LATEST - 1)
    return clipped


class Timelines:
    """Entries in order of group and time; of equals, the one that came later is last.

    groups: small numbers from 0 on. times: ticks(). columns: what else an entry holds, as arrays
    parallel to the order of entries; positions in them are void after any change.
    """

    def __init__(self, *kinds: str) -> None:
        self._replace(np.zeros(0, "u8"))
        self.columns = [np.zeros(0, kind) for kind in kinds]

    def __len__(self) -> int:
        return len(self._ranks)

    @property
    def nbytes(self) -> int:
        return sum(held.nbytes for held in (self._padded, self._first, *self.columns))

    @property
    def groups(self) -> Array:
        return (self._ranks >> np.uint64(TIME_BITS)).view("i8")

    @property
    def times(self) -> Array:
        return (self._ranks & np.uint64(LATEST)).view("i8")

    def add(self, groups: Array, times: Array, *columns: Array) -> None:
        """Costs a copy of all entries, so add many at a time."""
        ranks = _ranks(groups, times)
        order = np.argsort(ranks, kind="stable")
        places = np.searchsorted(self._ranks, ranks[order], side="right")
        self.columns = [
            np.insert(held, places, column[order])
            for held, column in zip(self.columns, columns, strict=True)
        ]
        self._replace(np.insert(self._ranks, places, ranks[order]))

    def keep(self, chosen: Array, groups: Array | None = None) -> None:
        """Let go of all entries but those chosen, a mask or ascending positions; `groups` are the
        kept entries' new numbers, in the order of the old ones."""
        ranks = self._ranks[chosen]
        if groups is not None:
            ranks = _ranks(groups, self.times[chosen])
        self.columns = [held[chosen] for held in self.columns]
        self._replace(ranks)

    def of(self, groups: Array) -> Array:
        """Positions of all entries of these groups, which must differ."""
        known = groups[groups < len(self._first) - 1]
        first = self._first[known]
        sizes = self._first[known + 1] - first
        starts = np.cumsum(sizes) - sizes
        return np.repeat(first - starts, sizes) + np.arange(sizes.sum())

    def last(self, groups: Array, times: Array) -> Array:
        """The position of each group's last entry at or before the time; NONE where there is none,
        or no such group."""
        # Beyond a group's end all ranks are greater, so no step can leave it.
        count = np.uint64(len(self._first) - 1)
        groups = np.minimum(groups.astype("i8", copy=False).view("u8"), count).view("i8")
        wanted = _ranks(groups, times)
        first = self._first.take(groups)
        position, step = first - 1, self._stride
        while step:
            ahead = position + step
            position += (self._padded.take(ahead) <= wanted) * step
            step >>= 1
        return np.where(position < first, NONE, position)

    def latest(self, ends: Array) -> Array:
        """Of each entry the latest end among those of its group up to it; `ends` are ticks()."""
        return np.maximum.accumulate(_ranks(self.groups, ends)).view("i8") & LATEST

    def _replace(self, ranks: Array) -> None:
        count = int(ranks[-1] >> np.uint64(TIME_BITS)) + 1 if len(ranks) else 0
        sizes = np.bincount((ranks >> np.uint64(TIME_BITS)).view("i8"), minlength=count)
        self._first = np.concatenate([np.zeros(1, "i8"), np.cumsum(sizes)])
        self._stride = 1 << int(sizes.max(initial=1)).bit_length() - 1
        self._padded = np.concatenate([ranks, np.full(2 * self._stride, BEYOND)])
        self._ranks = self._padded[: len(ranks)]


def _ranks(groups: Array, times: Array) -> Array:
    return (groups.astype("i8") << TIME_BITS | times).view("u8")
