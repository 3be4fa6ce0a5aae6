"""Columns of counts that are zero in most rows, as one column of sparse maps, and back."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from agent.wire.native import ADDRESS, LONG, Library, Memory, address

KIND = pa.map_(pa.uint8(), pa.uint64())
"""A column's place among those that are rare, to its count, in ascending order; zeros left out."""

_LIBRARY = Library("agent.wire._rare")
_COLUMNS = ctypes.POINTER(ADDRESS)
_gather = _LIBRARY.function("gather", _COLUMNS, LONG, LONG, Memory, Memory, Memory, result=LONG)
_ascends = _LIBRARY.function("ascends", Memory, Memory, LONG, LONG, result=LONG)
_scatter = _LIBRARY.function("scatter", Memory, Memory, Memory, LONG, _COLUMNS)


def gather(columns: Sequence[pa.Array]) -> pa.MapArray:
    """Of columns of uint64, at least one; null counts as 0."""
    whole = [_numbers(column) for column in columns]
    rows, entries = len(whole[0]), sum(map(np.count_nonzero, whole))
    offsets = np.empty(rows + 1, np.int32)
    places, counts = np.empty(entries, np.uint8), np.empty(entries, np.uint64)
    _gather(_addresses(whole), len(whole), rows, offsets, places, counts)
    # Without pa.array(), which would have the agent import pandas.
    return pa.MapArray.from_arrays(
        pa.Array.from_buffers(pa.int32(), rows + 1, [None, pa.py_buffer(offsets)]),
        pa.Array.from_buffers(pa.uint8(), entries, [None, pa.py_buffer(places)]),
        pa.Array.from_buffers(pa.uint64(), entries, [None, pa.py_buffer(counts)]),
    )


def sound(maps: pa.MapArray, width: int) -> bool:
    """Whether valid maps are of so many columns, and as gather() makes them."""
    if maps.null_count or maps.keys.null_count or maps.items.null_count:
        return False
    offsets, places, _ = _parts(maps)
    return bool(_ascends(offsets, places, width, len(maps)))


def scatter(maps: pa.MapArray, width: int) -> list[pa.Array]:
    """The columns of maps that are sound. Those of zeros only share their memory."""
    offsets, places, counts = _parts(maps)
    told = np.bincount(places[offsets[0] : offsets[-1]], minlength=width) > 0
    zeros = np.zeros(len(maps), np.uint64)
    columns = [np.zeros(len(maps), np.uint64) if some else zeros for some in told]
    _scatter(offsets, places, counts, len(maps), _addresses(columns))
    return [
        pa.Array.from_buffers(pa.uint64(), len(column), [None, pa.py_buffer(column)])
        for column in columns
    ]


def _parts(maps: pa.MapArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, places and counts."""
    return _numbers(maps.offsets), _numbers(maps.keys), _numbers(maps.items)


def _numbers(column: pa.Array) -> np.ndarray:
    if column.null_count:
        column = column.fill_null(0)
    kind = np.dtype(str(column.type))
    if not len(column):
        return np.empty(0, kind)
    values = np.frombuffer(column.buffers()[1], kind)
    return values[column.offset : column.offset + len(column)]


def _addresses(columns: Sequence[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    return (ADDRESS * len(columns))(*map(address, columns))
