"""Rows that are alike in all dimensions, and kernels that reduce their measures: NumPy throughout.

Rows of a range seldom share all dimensions, so a reduction starts from the first row of each group
and adds only the others to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd 64-bit numbers for multiplicative hashing (Knuth, TAOCP 6.4), one a round."""


class Groups:
    """Groups are numbered in order of first appearance.

    ids: the group of each row. first: the first row of each group. sizes: rows of each group.
    """

    def __init__(self, dimensions: Sequence[np.ndarray]) -> None:
        keys = _packed(dimensions)
        leaders = _leaders(keys)
        leads = leaders == np.arange(len(keys), dtype=leaders.dtype)
        self.first = np.flatnonzero(leads)
        self.count = len(self.first)
        self.distinct = self.count == len(keys)
        self.ids = (np.cumsum(leads) - 1)[leaders]
        self.sizes = np.bincount(self.ids, minlength=self.count).astype(np.uint64)
        self._rest = np.flatnonzero(~leads)
        self._into = self.ids[self._rest]

    def sum(self, values: np.ndarray) -> np.ndarray:
        if self.distinct or not values.any():
            return values[: self.count]
        return self._reduce(np.add, values)

    def minimum(self, values: np.ndarray) -> np.ndarray:
        return values if self.distinct else self._reduce(np.minimum, values)

    def maximum(self, values: np.ndarray) -> np.ndarray:
        return values if self.distinct else self._reduce(np.maximum, values)

    def _reduce(self, kernel: np.ufunc, values: np.ndarray) -> np.ndarray:
        reduced: np.ndarray = values.take(self.first)
        kernel.at(reduced, self._into, values.take(self._rest))
        return reduced


def _packed(dimensions: Sequence[np.ndarray]) -> np.ndarray:
    """One integer a row, equal where all dimensions are equal."""
    packed = np.zeros(len(dimensions[0]), np.int64)
    size = 1
    for dimension in dimensions:
        if not dimension.size:
            return packed
        values, low = dimension, int(dimension.min())
        width = int(dimension.max()) - low + 1
        if size * width >= 2**62:
            packed, size = _dense(packed)
        if size * width >= 2**62:
            (values, width), low = _dense(values), 0
        packed *= width
        packed += values
        packed -= low
        size *= width
    return packed


def _dense(values: np.ndarray) -> tuple[np.ndarray, int]:
    encoded = pa.array(values).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)


def _leaders(keys: np.ndarray) -> np.ndarray:
    """The first row with the same key, for each row.

    Every row writes itself into its key's slot of a hash table, from the last row to the first, and
    finds there the first row of one key. Those of other keys in the same slot go another round.
    """
    left = keys.view(np.uint64)
    bits = max(len(keys) - 1, 1).bit_length() + 1
    table = np.empty(1 << bits, np.int32)
    leaders = np.empty(len(keys), np.int32)
    rows = np.arange(len(keys), dtype=np.int32)
    for multiplier in MULTIPLIERS:
        slots = (left * np.uint64(multiplier)) >> np.uint64(64 - bits)
        table[slots[::-1]] = rows[::-1]
        found = table[slots]
        leaders[rows] = found
        others = np.flatnonzero(keys[found] != left.view(np.int64))
        rows, left = rows[others], left[others]
        if not rows.size:
            return leaders
    codes = _dense(left)[0]  # keys made to collide
    seen: np.ndarray = np.unique(codes, return_index=True)[1]
    leaders[rows] = rows[seen[codes]]
    return leaders
