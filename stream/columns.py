"""Columns of several batches as one: integers per row, each distinct word looked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from agent import wire
from stream.keys import Keys

NULL = -1
UNREAD = ("cgroup_id", "container_id")


@dataclass(frozen=True)
class Rows:
    """The rows of several batches, in order.

    columns: those of the wire but UNREAD; a dictionary holds no word twice. nodes: of each batch
    the one that reported; sizes: of each batch its rows.
    """

    columns: pa.RecordBatch
    nodes: Sequence[str]
    sizes: np.ndarray

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def numbers(self, name: str) -> np.ndarray:
        """A column without nulls, times as Unix nanoseconds."""
        column = self.columns[name]
        if pa.types.is_timestamp(column.type):
            column = column.view(pa.int64())
        values: np.ndarray = column.to_numpy(zero_copy_only=False)
        return values

    @cached_property
    def batches(self) -> np.ndarray:
        """Of each row the place of its batch."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def join(batches: Sequence[wire.Batch]) -> Rows:
    """Of any number of batches, best of one version: then what is sparse stays so up to the end."""
    form = batches[0].form if batches else None
    alike = all(batch.form is form for batch in batches)
    contents = [batch.content if alike else batch.rows for batch in batches]
    schema = contents[0].schema if contents else wire.SCHEMA
    table = pa.Table.from_batches(contents, schema).select(_read(schema))
    table = table.unify_dictionaries().combine_chunks()
    (columns,) = table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    if alike and form:
        columns = form.unpack(columns, _read(wire.SCHEMA))
    sizes = np.array([content.num_rows for content in contents], np.int64)
    return Rows(columns, [batch.origin.node for batch in batches], sizes)


def _read(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name not in UNREAD]


class Entries(NamedTuple):
    """Dictionary columns of one type, laid end to end.

    distinct: the words. codes: of each entry, its word. rows: of each column, the entry that each
    row refers to, NULL where it is null.
    """

    distinct: pa.Array
    codes: np.ndarray
    rows: list[np.ndarray]


def entries(rows: Rows, names: Sequence[str]) -> Entries:
    """Dictionaries without nulls."""
    columns = [rows.columns[name] for name in names]
    bases = np.cumsum([0, *(len(column.dictionary) for column in columns)]).tolist()
    words = pa.concat_arrays([column.dictionary for column in columns])
    indices = [_indices(column, base) for column, base in zip(columns, bases, strict=False)]
    return Entries(words, np.arange(len(words)), indices)


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
