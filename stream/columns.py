"""Columns of several batches as one: integers per row, each distinct word looked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stream.keys import Keys

NULL = -1


class Entries(NamedTuple):
    """Dictionary columns of one type, laid end to end, first by column and then by batch.

    distinct: the different words. codes: of each entry of a dictionary, the word it is.
    batches: of each entry, the batch whose dictionary it is in. rows: of each column, the entry
    that each row refers to, NULL where it is null.
    """

    distinct: pa.Array
    codes: np.ndarray
    batches: np.ndarray
    rows: list[np.ndarray]


def entries(batches: Sequence[pa.RecordBatch], names: Sequence[str]) -> Entries:
    """At least one batch; dictionaries without nulls."""
    dictionaries: list[pa.Array] = []
    rows: list[np.ndarray] = []
    base = 0
    for name in names:
        parts = []
        for batch in batches:
            column = batch[name]
            parts.append(_indices(column, base))
            dictionaries.append(column.dictionary)
            base += len(column.dictionary)
        rows.append(np.concatenate(parts))
    encoded = pa.concat_arrays(dictionaries).dictionary_encode()
    lengths = [len(dictionary) for dictionary in dictionaries]
    owners = np.tile(np.arange(len(batches)), len(names)).repeat(lengths)
    return Entries(encoded.dictionary, encoded.indices.to_numpy(), owners, rows)


def _indices(column: pa.DictionaryArray, base: int) -> np.ndarray:
    if not column.null_count:
        whole: np.ndarray = column.indices.to_numpy() + np.int64(base)
        return whole
    if column.null_count == len(column):
        return np.full(len(column), NULL)
    places = column.indices.fill_null(NULL).to_numpy()
    found: np.ndarray = np.where(places == NULL, NULL, places + np.int64(base))
    return found


class Learnt:
    """What pairs of integers stand for, an integer of 64 bits each, learnt at first sight."""

    def __init__(self) -> None:
        self._pairs = Keys(2)
        self._values = np.zeros(0, np.int64)

    def values(
        self, high: np.ndarray, low: np.ndarray, learn: Callable[[int, int], int]
    ) -> np.ndarray:
        """Of every row's pair. learn: called for those never seen, in the order of the rows."""
        numbers = self._pairs.add(np.stack([high, low], axis=1, dtype=np.int64))
        new = self._pairs.keys[len(self._values) :].astype(np.int64).tolist()
        if new:
            self._values = np.append(self._values, [learn(*pair) for pair in new])
        found: np.ndarray = self._values[numbers]
        return found


def pairs(high: np.ndarray, low: np.ndarray) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The different pairs of numbers from 0 to below 2**32, and of every row its pair's place."""
    packed = pa.array(high.astype(np.int64) << 32 | low).dictionary_encode()
    found = [divmod(pair, 1 << 32) for pair in packed.dictionary.to_pylist()]
    return found, packed.indices.to_numpy()
