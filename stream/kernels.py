"""The functions of kernels.c, which says what they do."""

from __future__ import annotations

import ctypes

from agent.wire.native import ADDRESS, LONG, Library, Memory

_LIBRARY = Library("stream._kernels")


class Table(ctypes.Structure):
    """Where a table of keys lies."""

    _fields_ = (
        ("width", LONG),
        ("seeds", ADDRESS),
        ("slots", ADDRESS),
        ("bits", LONG),
        ("keys", ADDRESS),
        ("count", LONG),
    )


_TABLE = ctypes.POINTER(Table)

keys_find = _LIBRARY.function("keys_find", _TABLE, Memory, LONG, Memory)
keys_add = _LIBRARY.function("keys_add", _TABLE, Memory, LONG, Memory)
pack_rows = _LIBRARY.function(
    "pack_rows", ctypes.POINTER(ADDRESS), LONG, LONG, Memory, Memory, Memory, LONG, Memory
)
group_rows = _LIBRARY.function(
    "group_rows",
    *(Memory, LONG, LONG, ctypes.c_uint64, Memory, LONG, Memory, Memory),
    result=LONG,
)
_REDUCING = (Memory, LONG, ADDRESS, LONG, Memory, LONG, Memory)
sum_groups = _LIBRARY.function("sum_groups", *_REDUCING)
least_of_groups = _LIBRARY.function("least_of_groups", *_REDUCING)
most_of_groups = _LIBRARY.function("most_of_groups", *_REDUCING)
order_by_group = _LIBRARY.function("order_by_group", Memory, LONG, Memory, Memory)
sum_maps = _LIBRARY.function(
    "sum_maps",
    *(Memory, Memory, Memory, Memory, Memory, LONG, Memory, Memory, Memory, Memory),
    result=LONG,
)
