"""Numbers for keys of fixed width, such as addresses: a hash table that takes whole columns."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.wire.native import address
from stream import kernels

Array = NDArray[Any]

EMPTY = -1
SMALLEST = 1 << 10


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
        self._keys = np.zeros((SMALLEST, width), "u8")
        self._seeds = np.array([secrets.randbits(64) | 1 for _ in range(width)], "u8")
        self._slots = np.full(4 * SMALLEST, EMPTY, "i4")

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + self._slots.nbytes

    @property
    def keys(self) -> Array:
        """All keys by number, shape (n, width)."""
        return self._keys[: self._count]

    def find(self, keys: Array) -> Array:
        """Numbers (i8) of keys, -1 of those never added."""
        words = self._words(keys)
        numbers = np.empty(len(words), "i8")
        kernels.keys_find(self._table(), words, len(words), numbers)
        return numbers

    def add(self, keys: Array) -> Array:
        """Numbers (i8) of keys, new ones for those never added before."""
        words = self._words(keys)
        numbers = self.find(words)
        missing = np.flatnonzero(numbers == EMPTY)
        if missing.size:
            numbers[missing] = self._insert(words[missing])
        return numbers

    def keep(self, numbers: Array) -> None:
        """Let go of all keys but these, which are numbered anew in the order given."""
        kept = self._keys[numbers]
        self._count = 0
        self._keys = np.zeros((max(len(kept), SMALLEST), self._width), "u8")
        self._slots = np.full(4 * SMALLEST, EMPTY, "i4")
        self._insert(kept)

    def _words(self, keys: Array) -> Array:
        return np.ascontiguousarray(keys).view("u8").reshape(-1, self._width)

    def _insert(self, words: Array) -> Array:
        """Numbers of keys that may repeat."""
        most = self._count + len(words)
        if most > len(self._keys):
            grown = np.zeros((max(most, 2 * len(self._keys)), self._width), "u8")
            grown[: self._count] = self.keys
            self._keys = grown
        if 3 * most > len(self._slots):
            held, self._count = self.keys, 0
            bits = (3 * most - 1).bit_length()
            self._slots = np.full(1 << bits, EMPTY, "i4")
            self._add(held)
        return self._add(words)

    def _add(self, words: Array) -> Array:
        """There is room."""
        numbers = np.empty(len(words), "i8")
        table = self._table()
        kernels.keys_add(table, words, len(words), numbers)
        self._count = table.count
        return numbers

    def _table(self) -> kernels.Table:
        return kernels.Table(
            self._width,
            address(self._seeds),
            address(self._slots),
            len(self._slots).bit_length() - 1,
            address(self._keys),
            self._count,
        )
