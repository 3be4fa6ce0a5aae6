"""Flow rows to window rows: a pure function of batches and resolver, exact in 64-bit integers.
Nothing here runs per row in Python.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire
from sql.workloads import PARTS
from stream import kernels, metrics
from stream.columns import Rows
from stream.groups import Groups, narrow
from stream.paths import Path
from stream.resolve import Ends, Resolver

NANOSECONDS = 1_000_000_000
BUCKETS = pa.array(np.arange(wire.HISTOGRAM_BUCKETS, dtype=np.uint8))

MEASURES = (
    *wire.COUNTERS,
    *(f"{name}_{part}" for name in wire.DISTRIBUTIONS for part in PARTS),
    *wire.COUNTERS_SINCE_2,
    "drop_reasons",
)
"""Those of the wire, in the tables' order."""

PRICED = ("cost_usd", "cost_far_usd", "unpriced_bytes")
"""Measures that are told of windows, not of flow rows; money in picodollars."""

Dimensions = dict[str, np.ndarray]


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
    `flow_rows` first, those of PRICED last; counts in the least type that takes them.
    """

    dimensions: Dimensions
    nodes: list[str]
    measures: dict[str, pa.Array]
    ways: list[Way] = field(default_factory=lambda: [Way()])


def aggregate(rows: Rows, resolver: Resolver, seconds: int) -> Windows:
    """The windows of at least one row, in the order in which groups first appear.

    A row belongs to the window of its interval's start, however late it comes.
    """
    resolver.forget_if_full()
    with metrics.stage("resolve"):
        ends = resolver.resolve(rows)
    with metrics.stage("window"):
        return _windows(rows, ends, seconds)


def _windows(rows: Rows, ends: Ends, seconds: int) -> Windows:
    nodes: dict[str, int] = {}
    numbers = [nodes.setdefault(node, len(nodes)) for node in rows.nodes]
    dimensions = {
        "node": np.repeat(numbers, rows.sizes),
        **_dimensions(rows, ends, seconds),
    }
    groups = Groups(list(dimensions.values()))
    unpriced = pa.array(np.zeros(groups.count, np.int64))
    measured = {
        "flow_rows": pa.array(narrow(groups.sizes)),
        **measures(rows.columns, groups),
        **dict.fromkeys(PRICED, unpriced),
    }
    found = chosen(dimensions, groups) | {"way": np.zeros(groups.count, np.int64)}
    return Windows(found, list(nodes), measured)


def chosen(dimensions: Dimensions, groups: Groups) -> Dimensions:
    """Of each group."""
    if groups.distinct:
        return dimensions
    return {name: values.take(groups.first) for name, values in dimensions.items()}


def _dimensions(rows: Rows, ends: Ends, seconds: int) -> Dimensions:
    """What rows of one node are grouped by, each as small integers."""
    starts = rows.numbers("interval_start")
    return {
        "window": starts // (seconds * NANOSECONDS) * seconds,
        "reporter": rows.numbers("reporter"),
        "role_certain": rows.numbers("role_certain").view(np.uint8),
        "protocol": rows.numbers("protocol"),
        "server_port": ends.server_port,
        "client": ends.client,
        "server": ends.server,
    }


def measures(rows: pa.RecordBatch, groups: Groups) -> dict[str, pa.Array]:
    """Every measure of the wire, one value a group, of rows that have them by the same names."""
    return {name: reduced(name, rows[name], groups) for name in MEASURES}


def reduced(name: str, values: pa.Array, groups: Groups) -> pa.Array:
    """A measure of each group: what it is follows from its name."""
    match name.rpartition("_")[2]:
        case "min":
            return groups.minimum(values)
        case "max":
            return groups.maximum(values)
        case "histogram":
            return _histogram(values, groups)
        case "reasons":
            return _reasons(values, groups)
    return pa.array(groups.sum(values))


def _histogram(maps: pa.MapArray, groups: Groups) -> pa.MapArray:
    return _sum_maps(maps, maps.keys.to_numpy(), BUCKETS, groups)


def _reasons(maps: pa.MapArray, groups: Groups) -> pa.MapArray:
    words = pc.unique(maps.keys).sort()
    codes = pc.index_in(maps.keys, words).to_numpy()
    return _sum_maps(maps, codes, words, groups)


def _sum_maps(maps: pa.MapArray, codes: np.ndarray, words: pa.Array, groups: Groups) -> pa.MapArray:
    """Sparse maps added up key by key. codes: each entry's key by its place in `words`, the order
    of keys in the sums."""
    offsets, counts = maps.offsets.to_numpy(), maps.items.to_numpy()
    bounds = np.empty(groups.count + 1, np.int32)
    keys, sums = np.empty(len(codes), np.int32), np.empty(len(codes), np.uint64)
    order, starts = groups.order
    used = kernels.sum_maps(
        *(offsets, codes.astype(np.int32), counts, order, starts, groups.count),
        *(np.zeros(len(words), np.uint64), bounds, keys, sums),
    )
    return pa.MapArray.from_arrays(bounds, words.take(pa.array(keys[:used])), pa.array(sums[:used]))
