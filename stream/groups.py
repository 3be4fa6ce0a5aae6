"""Rows that are alike in all dimensions, and kernels that reduce their measures."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from agent.wire.native import ADDRESS, address
from stream import kernels

EMPTY = -1
SEED = secrets.randbits(64) | 1
LEAST, MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class Groups:
    """Groups are numbered in order of first appearance.

    ids: the group of each row. first: the first row of each group.
    """

    def __init__(self, dimensions: Sequence[np.ndarray]) -> None:
        packed = _packed(dimensions)
        rows, width = packed.shape
        bits = max(2 * rows, 2).bit_length()
        slots = np.full(1 << bits, EMPTY, np.int32)
        self.ids = np.empty(rows, np.int32)
        first = np.empty(rows, np.int64)
        self.count: int = kernels.group_rows(
            packed, width, rows, SEED, slots, bits, self.ids, first
        )
        self.first = first[: self.count]
        self.distinct = self.count == rows

    @cached_property
    def sizes(self) -> np.ndarray:
        """Rows of each group."""
        return np.bincount(self.ids, minlength=self.count).astype(np.uint64)

    @cached_property
    def order(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows in order of their groups, and where each group begins there, and the last ends."""
        bounds = np.zeros(self.count + 1, np.int32)
        np.cumsum(self.sizes, out=bounds[1:])
        order = np.empty(len(self.ids), np.int32)
        kernels.order_by_group(self.ids, len(self.ids), bounds[:-1].copy(), order)
        return order, bounds

    def sum(self, values: pa.Array) -> np.ndarray:
        """Of unsigned integers, in the least type that takes the sums; null counts as 0."""
        sums = np.zeros(self.count, np.uint64)
        self._reduce(kernels.sum_groups, values, sums)
        return narrow(sums)

    def minimum(self, values: pa.Array) -> pa.Array:
        """Of unsigned integers; null in a group without any."""
        return self._extreme(kernels.least_of_groups, values, MOST)

    def maximum(self, values: pa.Array) -> pa.Array:
        """The same."""
        return self._extreme(kernels.most_of_groups, values, LEAST)

    def _extreme(self, kernel: Callable[..., None], values: pa.Array, none: int) -> pa.Array:
        found = np.full(self.count, none)
        self._reduce(kernel, values, found)
        return pa.array(found.astype(values.type.to_pandas_dtype()), mask=found == none)

    def _reduce(self, kernel: Callable[..., None], values: pa.Array, into: np.ndarray) -> None:
        if values.null_count == len(values):
            return
        bits, memory = values.buffers()
        width = values.type.bit_width // 8
        valid = address(bits) if values.null_count else None
        numbers = memory[width * values.offset :]
        kernel(numbers, width, valid, values.offset, self.ids, len(values), into)


def narrow(values: np.ndarray) -> np.ndarray:
    """Unsigned integers in the least type that takes them."""
    return values.astype(np.min_scalar_type(values.max(initial=0)), copy=False)


def _packed(dimensions: Sequence[np.ndarray]) -> np.ndarray:
    """Words of 64 bits, as few a row as take the values that there are; equal where all dimensions
    are equal."""
    columns = [np.ascontiguousarray(dimension, np.int64) for dimension in dimensions]
    rows = len(columns[0])
    lows = [int(column.min(initial=MOST)) for column in columns]
    widths = [
        max(int(column.max(initial=LEAST)) - low, 0).bit_length()
        for column, low in zip(columns, lows, strict=True)
    ]
    words, shifts = [0], [0]
    for before, width in itertools.pairwise(widths):
        end = shifts[-1] + before
        fits = end + width <= 64
        words.append(words[-1] + (not fits))
        shifts.append(end if fits else 0)
    packed = np.zeros((rows, words[-1] + 1), np.uint64)
    places = [np.array(column, np.int64) for column in (words, lows, shifts)]
    kernels.pack_rows(
        (ADDRESS * len(columns))(*map(address, columns)),
        *(len(columns), rows, *places, packed.shape[1], packed),
    )
    return packed
