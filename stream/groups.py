"""Rows that are alike in all dimensions, and kernels that reduce their measures."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence
from copy import copy
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
        self._among: np.ndarray | None = None
        self._bits: np.ndarray | None = None

    def among(self, rows: np.ndarray) -> Groups:
        """The same groups of these rows (a bool each) alone: the others are in no reduction."""
        some = copy(self)
        some.__dict__.pop("order", None)
        some._among, some._bits = rows, np.packbits(rows, bitorder="little")
        return some

    @cached_property
    def sizes(self) -> np.ndarray:
        """Rows of each group."""
        return np.bincount(self.ids, minlength=self.count).astype(np.uint64)

    @cached_property
    def order(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows in order of their groups, and where each group begins there, and the last ends."""
        rows = None if self._among is None else np.flatnonzero(self._among)
        ids = self.ids if rows is None else self.ids.take(rows)
        bounds = np.zeros(self.count + 1, np.int32)
        np.cumsum(np.bincount(ids, minlength=self.count), out=bounds[1:])
        order = np.empty(len(ids), np.int32)
        kernels.order_by_group(ids, len(ids), bounds[:-1].copy(), order)
        return order if rows is None else rows.take(order).astype(np.int32), bounds

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
        if self._among is not None and values.null_count:
            values = _without(values, ~self._among)
        bits, memory = values.buffers()
        width = values.type.bit_width // 8
        numbers = memory[width * values.offset :]
        valid, offset = (address(bits) if values.null_count else None), values.offset
        if self._bits is not None and not values.null_count:
            valid, offset = address(self._bits), 0
        kernel(numbers, width, valid, offset, self.ids, len(values), into)


def _without(values: pa.Array, rows: np.ndarray) -> pa.Array:
    """Null in these rows."""
    numbers = values.fill_null(0).to_numpy()
    return pa.array(numbers, mask=rows | values.is_null().to_numpy(zero_copy_only=False))


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
