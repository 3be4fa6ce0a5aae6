"""Flow rows to window rows: a pure function of batches and resolver, exact in 64-bit integers.

Groups are found by hashing one packed integer per row; measures are summed over rows brought into
group order. Nothing here runs per row in Python.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire
from stream.resolve import Ends, Resolver

NANOSECONDS = 1_000_000_000
BUCKETS = wire.HISTOGRAM_BUCKETS
NO_MINIMUM = np.uint32(2**32 - 1)


def aggregate(
    batches: Sequence[wire.Batch], resolver: Resolver, cluster: str, seconds: int
) -> pa.Table:
    """The rows of table flows_10s for these batches, in the order in which groups first appear.

    A row belongs to the window of its interval's start, however late it comes.
    """
    resolver.forget_if_full()
    rows = pa.Table.from_batches([batch.rows for batch in batches], wire.SCHEMA)
    nodes: dict[str, int] = {}
    numbers = [nodes.setdefault(batch.origin.node, len(nodes)) for batch in batches]
    dimensions = {
        "node": np.repeat(numbers, [batch.rows.num_rows for batch in batches]),
        **_dimensions(rows, resolver.resolve(batches), seconds),
    }
    groups = Groups(group_ids(list(dimensions.values())))
    first = {name: values[groups.first] for name, values in dimensions.items()}
    columns: dict[str, pa.Array] = {
        "window": pa.array(first["window"].astype("datetime64[s]"), pa.timestamp("s", "UTC")),
        "cluster": _constant(cluster, groups.count),
        "node": pa.DictionaryArray.from_arrays(first["node"], pa.array(list(nodes), pa.string())),
        "reporter": pa.array(first["reporter"].astype(np.int8)),
        "role_certain": pa.array(first["role_certain"].astype(bool)),
        "protocol": pa.array(first["protocol"].astype(np.int8)),
        "server_port": pa.array(first["server_port"].astype(np.uint16)),
        **resolver.endpoints.columns("client", first["client"]),
        **resolver.endpoints.columns("server", first["server"]),
        "flow_rows": pa.array(groups.sizes),
        **measures(rows, groups),
    }
    return pa.table(columns)


def measures(rows: pa.Table, groups: Groups) -> dict[str, pa.Array]:
    """Every measure of the wire, one value a group, of rows that have them by the same names."""
    columns: dict[str, pa.Array] = {}
    for name in wire.COUNTERS:
        columns[name] = pa.array(groups.sum(_values(rows[name])))
    for name in wire.DISTRIBUTIONS:
        columns |= _distribution(name, rows, groups)
    for name in wire.COUNTERS_SINCE_2:
        columns[name] = pa.array(_sum_of_nullable(rows[name], groups))
    columns["drop_reasons"] = _reasons(rows["drop_reasons"], groups)
    return columns


def _dimensions(rows: pa.Table, ends: Ends, seconds: int) -> dict[str, np.ndarray]:
    """What rows of one node are grouped by, each as small integers."""
    starts = rows["interval_start"].cast(pa.int64()).to_numpy()
    return {
        "window": starts // (seconds * NANOSECONDS) * seconds,
        "reporter": _values(rows["reporter"]),
        "role_certain": _values(rows["role_certain"]),
        "protocol": _values(rows["protocol"]),
        "server_port": ends.server_port,
        "client": ends.client,
        "server": ends.server,
    }


def group_ids(dimensions: Sequence[np.ndarray]) -> np.ndarray:
    """A dense id per row, in order of first appearance, equal where all dimensions are equal."""
    ids = np.zeros(len(dimensions[0]), np.int64)
    size = 1
    for dimension in dimensions:
        if not dimension.size:
            return ids
        values = dimension.astype(np.int64)
        values -= values.min()
        width = int(values.max()) + 1
        if size * width >= 2**62:
            ids, size = _dense(ids)
        if size * width >= 2**62:
            values, width = _dense(values)
        ids = ids * width + values
        size *= width
    return _dense(ids)[0]


def _dense(values: np.ndarray) -> tuple[np.ndarray, int]:
    encoded = pa.array(values).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)


class Groups:
    """Rows in group order, and the kernels that reduce a column to one value a group."""

    def __init__(self, ids: np.ndarray) -> None:
        self.ids = ids
        self.count = int(ids.max()) + 1 if ids.size else 0
        self.sizes = np.bincount(ids, minlength=self.count).astype(np.uint64)
        self._order = np.argsort(ids, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(self.sizes[:-1])]).astype(np.int64)
        self._starts = self._starts[: self.count]
        self.first = self._order[self._starts]

    def sum(self, values: np.ndarray) -> np.ndarray:
        if not values.any():
            return np.zeros(self.count, values.dtype)
        return self._reduce(np.add, values)

    def minimum(self, values: np.ndarray) -> np.ndarray:
        return self._reduce(np.minimum, values)

    def maximum(self, values: np.ndarray) -> np.ndarray:
        return self._reduce(np.maximum, values)

    def _reduce(self, kernel: np.ufunc, values: np.ndarray) -> np.ndarray:
        if not self.count:
            return values[:0]
        reduced: np.ndarray = kernel.reduceat(values[self._order], self._starts)
        return reduced


def _distribution(name: str, rows: pa.Table, groups: Groups) -> dict[str, pa.Array]:
    lowest, highest = rows[f"{name}_min"], rows[f"{name}_max"]
    no_minimum = ~groups.maximum(_values(lowest.is_valid()))
    no_maximum = ~groups.maximum(_values(highest.is_valid()))
    return {
        f"{name}_count": pa.array(groups.sum(_values(rows[f"{name}_count"]))),
        f"{name}_sum": pa.array(groups.sum(_values(rows[f"{name}_sum"]))),
        f"{name}_min": pa.array(
            groups.minimum(_values(lowest.fill_null(NO_MINIMUM))), mask=no_minimum
        ),
        f"{name}_max": pa.array(groups.maximum(_values(highest.fill_null(0))), mask=no_maximum),
        f"{name}_histogram": _histogram(rows[f"{name}_histogram"], groups),
    }


def _sum_of_nullable(column: pa.ChunkedArray, groups: Groups) -> np.ndarray:
    """Nulls, as in all of an earlier version's rows, count as 0."""
    if column.null_count == len(column):
        return np.zeros(groups.count, np.uint64)
    return groups.sum(_values(column.fill_null(0)))


def _histogram(column: pa.ChunkedArray, groups: Groups) -> pa.MapArray:
    maps = column.combine_chunks()
    keys = maps.keys.to_numpy()
    return _sum_maps(maps, keys, pa.array(np.arange(BUCKETS, dtype=np.uint8)), groups)


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
    counts = maps.items.to_numpy()[entries]
    cells = np.repeat(groups.ids, np.diff(offsets)) * width + codes[entries]
    order = np.argsort(cells, kind="stable")
    used, starts = np.unique(cells[order], return_index=True)
    sums = np.add.reduceat(counts[order], starts) if used.size else counts
    bounds = np.searchsorted(used, np.arange(groups.count + 1) * width).astype(np.int32)
    keys = words.take(pa.array(used % width))
    return pa.MapArray.from_arrays(bounds, keys, pa.array(sums, pa.uint64()))


def _values(column: pa.ChunkedArray) -> np.ndarray:
    values: np.ndarray = column.to_numpy()
    return values


def _constant(word: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([word]))
