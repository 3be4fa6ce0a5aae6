"""Arrow columns as NumPy arrays and back, without pandas.

pyarrow's own pa.array(), pa.scalar() and to_numpy() import pandas where it is installed, for good:
tens of megabytes that the agent has no use for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def numbers(column: pa.Array) -> NDArray[Any]:
    """The memory of a column of numbers; what its nulls hold is undefined."""
    kind = np.dtype(str(column.type))
    if not len(column):
        return np.empty(0, kind)
    values = np.frombuffer(column.buffers()[1], kind)
    return values[column.offset : column.offset + len(column)]


def valid(column: pa.Array) -> NDArray[np.bool_]:
    """Which of the column's values are not null."""
    bits = np.frombuffer(column.is_valid().buffers()[1], "u1")
    return np.unpackbits(bits, count=len(column), bitorder="little").astype(bool)


def words(values: Iterable[str | None], at: NDArray[Any]) -> pa.DictionaryArray:
    """A dictionary column whose row r is the value number at[r]."""
    builder = pa.lib.StringBuilder()
    for value in values:
        builder.append(value)
    indices = pa.py_buffer(np.ascontiguousarray(at, "i8"))
    chosen = pa.Array.from_buffers(pa.int64(), len(at), [None, indices])
    return builder.finish().dictionary_encode().take(chosen)


def parents(column: pa.MapArray) -> NDArray[Any]:
    """The row of each entry of a column of maps."""
    return np.repeat(np.arange(len(column)), np.diff(numbers(column.offsets)))
