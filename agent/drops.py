"""Drops by the kernel's reason, as a column of flow rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.tracing import drop_reasons

Array = NDArray[Any]

_REASONS = 1 << 16


@cache
def _names() -> dict[int, str]:
    return drop_reasons()


def reason_maps(dropped: Array, reason: Array, starts: Array) -> pa.Array:
    """Column drop_reasons of the groups of records that begin at `starts`: null if none dropped.

    A reason that the running kernel does not name goes by its number.
    """
    at = np.flatnonzero(dropped)
    if not at.size:
        return pa.nulls(len(starts), pa.map_(pa.string(), pa.uint64()))
    group = np.searchsorted(starts, at, side="right") - 1
    cells, inverse = np.unique(group * _REASONS + reason[at], return_inverse=True)
    packets = np.zeros(len(cells), "u8")
    np.add.at(packets, inverse, dropped[at])
    names = [_names().get(number, str(number)) for number in (cells % _REASONS).tolist()]
    bounds = np.searchsorted(cells, np.arange(len(starts) + 1) * _REASONS).astype("i4")
    offsets = pa.Array.from_buffers(pa.int32(), len(bounds), [None, pa.py_buffer(bounds)])
    counts = pa.Array.from_buffers(pa.uint64(), len(packets), [None, pa.py_buffer(packets)])
    return pa.MapArray.from_arrays(offsets, pa.array(names, pa.string()), counts)
