"""Memory that a range let go of is kept for the next one.

A kernel takes longer to hand out fresh pages than NumPy takes to fill them, and a range touches
hundreds of megabytes.
"""

from __future__ import annotations

import ctypes
import gc

import pyarrow as pa

# glibc's malloc.h.
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
KEPT = 1 << 30
"""About what ranges being prepared and inserted take together with the defaults: with half of it
the heap's end went back to the kernel and came again with every range."""
YOUNG = 50_000
"""Objects made until Python looks for cycles among them, instead of 700: a range makes many that
live as long as it does."""


def keep() -> None:
    """For the process, from now on: one heap for NumPy and Arrow, of which at most KEPT bytes lie
    unused. No block is mapped for itself, however long: an insert of flows_10s is above what glibc
    would take from the heap. Where the C library is not glibc, nothing changes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(MMAP_MAX, 0)
    mallopt(TRIM_THRESHOLD, KEPT)
    mallopt(ARENA_MAX, 1)
    pa.set_memory_pool(pa.system_memory_pool())


def settle() -> None:
    """What was made up to now is passed over when Python looks for cycles: modules, and an
    inventory of many objects. Each still goes when the last reference to it does."""
    gc.set_threshold(YOUNG)
    gc.collect()
    gc.freeze()
