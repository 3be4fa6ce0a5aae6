"""Flow rows to window rows: a pure function of batches and resolver, exact in 64-bit integers.
Nothing here runs per row in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire
from stream import metrics
from stream.groups import Groups
from stream.paths import Path
from stream.resolve import Ends, Resolver

NANOSECONDS = 1_000_000_000
BUCKETS = pa.array(np.arange(wire.HISTOGRAM_BUCKETS, dtype=np.uint8))
NO_MINIMUM = 2**32
NO_MAXIMUM = -1
SPARSE = 8
"""Cells a map entry, from which on sorting entries costs less than a table of all cells."""

PRICED = ("cost_usd", "cost_far_usd", "unpriced_bytes")
"""Measures that are told of windows, not of flow rows; money in picodollars."""

Dimensions = dict[str, np.ndarray]
Reduce = Callable[[np.ndarray], np.ndarray]


class Way(NamedTuple):
    """How a row's bytes go. behind: the class of what lies behind a NAT gateway, else the path."""

    path: int = Path.UNKNOWN
    behind: int = Path.UNKNOWN
    gateway: str = ""


@dataclass(frozen=True)
class Windows:
    """Rows of which no two share all dimensions.

    dimensions: integers; `window` in Unix seconds, `node` by its place in `nodes`, `client` and
    `server` by their endpoint's id, `way` by its place in `ways`. measures: Arrow columns by name,
    `flow_rows` first, those of PRICED last.
    """

    dimensions: Dimensions
    nodes: list[str]
    measures: dict[str, pa.Array]
    ways: list[Way] = field(default_factory=lambda: [Way()])


def aggregate(batches: Sequence[wire.Batch], resolver: Resolver, seconds: int) -> Windows:
    """The windows of at least one batch's rows, in the order in which groups first appear.

    A row belongs to the window of its interval's start, however late it comes.
    """
    resolver.forget_if_full()
    with metrics.stage("resolve"):
        ends = resolver.resolve(batches)
    with metrics.stage("window"):
        return _windows(batches, ends, seconds)


def _windows(batches: Sequence[wire.Batch], ends: Ends, seconds: int) -> Windows:
    rows = pa.Table.from_batches([batch.rows for batch in batches], wire.SCHEMA)
    nodes: dict[str, int] = {}
    numbers = [nodes.setdefault(batch.origin.node, len(nodes)) for batch in batches]
    dimensions = {
        "node": np.repeat(numbers, [batch.rows.num_rows for batch in batches]),
        **_dimensions(rows, ends, seconds),
    }
    groups = Groups(list(dimensions.values()))
    unpriced = pa.array(np.zeros(groups.count, np.int64))
    measured = {
        "flow_rows": pa.array(groups.sizes),
        **measures(rows, groups),
        **dict.fromkeys(PRICED, unpriced),
    }
    found = chosen(dimensions, groups) | {"way": np.zeros(groups.count, np.int64)}
    return Windows(found, list(nodes), measured)


def chosen(dimensions: Dimensions, groups: Groups) -> Dimensions:
    """Of each group."""
    if groups.distinct:
        return dimensions
    return {name: values.take(groups.first) for name, values in dimensions.items()}


def _dimensions(rows: pa.Table, ends: Ends, seconds: int) -> Dimensions:
    """What rows of one node are grouped by, each as small integers."""
    starts = rows["interval_start"].cast(pa.int64()).to_numpy()
    return {
        "window": starts // (seconds * NANOSECONDS) * seconds,
        "reporter": _values(rows["reporter"]),
        "role_certain": _values(rows["role_certain"]).view(np.uint8),
        "protocol": _values(rows["protocol"]),
        "server_port": ends.server_port,
        "client": ends.client,
        "server": ends.server,
    }


def measures(rows: pa.Table, groups: Groups) -> dict[str, pa.Array]:
    """Every measure of the wire, one value a group, of rows that have them by the same names."""
    columns = {name: _sum(rows[name], groups) for name in wire.COUNTERS}
    for name in wire.DISTRIBUTIONS:
        columns |= _distribution(name, rows, groups)
    columns |= {name: _sum(rows[name], groups) for name in wire.COUNTERS_SINCE_2}
    columns["drop_reasons"] = _reasons(rows["drop_reasons"], groups)
    return columns


def _distribution(name: str, rows: pa.Table, groups: Groups) -> dict[str, pa.Array]:
    return {
        f"{name}_count": _sum(rows[f"{name}_count"], groups),
        f"{name}_sum": _sum(rows[f"{name}_sum"], groups),
        f"{name}_min": _extreme(rows[f"{name}_min"], groups.minimum, NO_MINIMUM, groups),
        f"{name}_max": _extreme(rows[f"{name}_max"], groups.maximum, NO_MAXIMUM, groups),
        f"{name}_histogram": _histogram(rows[f"{name}_histogram"], groups),
    }


def _sum(column: pa.ChunkedArray, groups: Groups) -> pa.Array:
    """Nulls, as in all of an earlier version's rows, count as 0."""
    if column.null_count == len(column):
        return pa.array(np.zeros(groups.count, np.uint64))
    return pa.array(groups.sum(_values(column.fill_null(0) if column.null_count else column)))


def _extreme(column: pa.ChunkedArray, reduce: Reduce, null: int, groups: Groups) -> pa.Array:
    """Null in a group without any sample. null: what yields to every sample."""
    if groups.distinct:
        return column.combine_chunks()
    if column.null_count == len(column):
        return pa.nulls(groups.count, column.type)
    reduced = reduce(_values(column.cast(pa.int64()).fill_null(null)))
    return pa.array(reduced.astype(np.uint32), mask=reduced == null)


def _histogram(column: pa.ChunkedArray, groups: Groups) -> pa.MapArray:
    maps = column.combine_chunks()
    return _sum_maps(maps, maps.keys.to_numpy(), BUCKETS, groups)


def _reasons(column: pa.ChunkedArray, groups: Groups) -> pa.MapArray:
    maps = column.combine_chunks()
    words = pc.unique(maps.keys).sort()
    codes = pc.index_in(maps.keys, words).to_numpy()
    return _sum_maps(maps, codes, words, groups)


def _sum_maps(maps: pa.MapArray, codes: np.ndarray, words: pa.Array, groups: Groups) -> pa.MapArray:
    """Sparse maps added up key by key. codes: each entry's key by its place in `words`, the order
    of keys in the sums."""
    width = max(len(words), 1)
    offsets = maps.offsets.to_numpy()
    entries = slice(offsets[0], offsets[-1])
    cells = groups.ids.repeat(np.diff(offsets))
    cells *= width
    cells += codes[entries]
    used, sums = _sum_cells(cells, maps.items.to_numpy()[entries], groups.count * width)
    owners = used // width
    bounds = np.zeros(groups.count + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=groups.count), out=bounds[1:])
    keys = words.take(pa.array(used - owners * width))
    return pa.MapArray.from_arrays(bounds, keys, pa.array(sums))


def _sum_cells(cells: np.ndarray, counts: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The different cells, each below `size`, in ascending order, and the sum of each."""
    if np.all(cells[1:] > cells[:-1]):
        return cells, counts
    if size <= SPARSE * len(cells):
        used = np.zeros(size, bool)
        used[cells] = True
        sums = np.zeros(size, np.uint64)
        np.add.at(sums, cells, counts)
        return np.flatnonzero(used), sums[used]
    order = np.argsort(cells, kind="stable")
    found, starts = np.unique(cells[order], return_index=True)
    return found, np.add.reduceat(counts[order], starts)


def _values(column: pa.ChunkedArray) -> np.ndarray:
    values: np.ndarray = column.to_numpy()
    return values
