"""Numbers for keys of fixed width, such as addresses: a hash table that takes whole columns."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EMPTY = -1
SMALLEST = 1 << 10
CHUNK = 1 << 15
"""Keys looked up at once: what is made of them on the way stays in the processor's cache."""


class Keys:
    """Numbers count up from 0, in the order in which keys first came.

    A key is `width` words of 8 bytes: give columns as u8 of shape (n, width), or anything else of
    that many bytes a row (V16 for width 2). A slot of the table holds a number; a key that finds
    its slot taken goes on to the next one. At most a third of the slots are taken. The hash is
    seeded anew for each table: keys are addresses that anybody may choose.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._count = 0
        self._keys = np.zeros((width, SMALLEST), "u8")
        self._seeds = [np.uint64(secrets.randbits(64) | 1) for _ in range(width)]
        self._resize(4 * SMALLEST)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + self._slots.nbytes

    @property
    def keys(self) -> Array:
        """All keys by number, shape (n, width)."""
        return self._keys[:, : self._count].T

    def find(self, keys: Array) -> Array:
        """Numbers (i8) of keys, -1 of those never added."""
        words = self._words(keys)
        numbers = np.empty(len(words), "i8")
        for start in range(0, len(words), CHUNK):
            chunk = slice(start, start + CHUNK)
            columns = list(words[chunk].T)
            numbers[chunk] = self._find(columns, self._hash(columns))
        return numbers

    def add(self, keys: Array) -> Array:
        """Numbers (i8) of keys, new ones for those never added before."""
        words = self._words(keys)
        numbers = self.find(words)
        missing = np.flatnonzero(numbers == EMPTY)
        if missing.size:
            while 3 * (self._count + missing.size) > len(self._slots):
                self._resize(2 * len(self._slots))
            numbers[missing] = self._insert(words[missing].T.copy())
        return numbers

    def keep(self, numbers: Array) -> None:
        """Let go of all keys but these, which are numbered anew in the order given."""
        kept = self._keys[:, numbers]
        self._count = len(numbers)
        size = 4 * SMALLEST
        while 3 * self._count > size:
            size *= 2
        self._keys = np.zeros((self._width, max(self._count, SMALLEST)), "u8")
        self._keys[:, : self._count] = kept
        self._resize(size)

    def _words(self, keys: Array) -> Array:
        return np.ascontiguousarray(keys).view("u8").reshape(-1, self._width)

    def _hash(self, columns: list[Array]) -> Array:
        mixed = columns[0] * self._seeds[0]
        for column, seed in zip(columns[1:], self._seeds[1:], strict=True):
            mixed = (mixed ^ (mixed >> np.uint64(29))) + column
            mixed *= seed
        mixed ^= mixed >> np.uint64(32)
        mixed *= self._seeds[0]
        slots: Array = (mixed >> self._shift).view("i8")
        return slots

    def _find(self, columns: list[Array], slots: Array) -> Array:
        numbers: Array = self._slots.take(slots).astype("i8")
        astray = np.flatnonzero(self._differs(numbers, columns))
        slots = slots.take(astray)
        while astray.size:
            slots = slots + 1 & self._mask
            found = self._slots.take(slots).astype("i8")
            numbers[astray] = found
            on = np.flatnonzero(self._differs(found, [column.take(astray) for column in columns]))
            astray, slots = astray.take(on), slots.take(on)
        return numbers

    def _differs(self, numbers: Array, columns: list[Array]) -> Array:
        """Where another key has the slot."""
        other: Array = self._keys[0].take(numbers) != columns[0]
        for stored, column in zip(self._keys[1:], columns[1:], strict=True):
            other |= stored.take(numbers) != column
        other &= numbers != EMPTY
        return other

    def _insert(self, columns: Array) -> Array:
        """Numbers of keys that are not in the table; among them they may repeat.

        Whoever comes to an empty slot first claims it by its place below EMPTY. Equal keys go the
        same way together, so all but one of them meet their like there.
        """
        slots = self._hash(list(columns))
        rows = np.arange(len(slots))
        while rows.size:
            at = slots[rows]
            empty = np.flatnonzero(self._slots[at] == EMPTY)[::-1]
            self._slots[at[empty]] = EMPTY - 1 - rows[empty]
            claimant = EMPTY - 1 - self._slots[at].astype("i8")
            settled = claimant >= 0
            for column in columns:
                settled &= column[np.maximum(claimant, 0)] == column[rows]
            rows = rows[~settled]
            slots[rows] = slots[rows] + 1 & self._mask
        claimants = EMPTY - 1 - self._slots[slots].astype("i8")
        first = np.flatnonzero(claimants == np.arange(len(slots)))
        numbers = self._count + np.searchsorted(first, claimants)
        self._append(columns[:, first])
        self._slots[slots] = numbers
        return numbers

    def _append(self, columns: Array) -> None:
        end = self._count + columns.shape[1]
        if end > self._keys.shape[1]:
            grown = np.zeros((self._width, max(end, 2 * self._keys.shape[1])), "u8")
            grown[:, : self._count] = self._keys[:, : self._count]
            self._keys = grown
        self._keys[:, self._count : end] = columns
        self._count = end

    def _resize(self, size: int) -> None:
        self._mask = size - 1
        self._shift = np.uint64(64 - self._mask.bit_length())
        self._slots = np.full(size, EMPTY, "i4")
        count, self._count = self._count, 0
        if count:
            self._insert(self._keys[:, :count].copy())
