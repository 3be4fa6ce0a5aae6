"""Window rows to the rows of all levels, exactly as ClickHouse would group them, and cheaper.

The rows are already aggregated, and a range seldom spans two minutes, so the rows by the minute are
mostly those below them under another window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sql.schema import (
    END_LEVELS,
    ENDS,
    FLOWS,
    MONEY,
    ROLLUPS,
    UNCLAIMED,
    WORKLOAD_LEVELS,
    WORKLOADS,
    Rollup,
)
from stream.endpoints import Endpoints
from stream.groups import Groups
from stream.price import dollars
from stream.reports import Silent, by_end, by_silent_node, by_workload
from stream.windows import Windows, chosen, reduced

PLAIN = {
    "protocol": np.int8,
    "server_port": np.uint16,
    "reporter": np.int8,
    "role_certain": bool,
    "seconds": np.uint16,
}
"""Dimensions that are columns as they are, by the columns' types."""
ENDPOINTS = {"client": "client_", "server": "server_", "end": ""}
"""Dimensions that are endpoints, by what their columns' names begin with."""


def levels(
    windows: Windows, endpoints: Endpoints, cluster: str, silent: Silent
) -> dict[str, pa.Table]:
    """The tables that the windows go to, flows_10s first: a pure function of them, and of which
    nodes are silent, which only decides what is in `unclaimed`."""
    found = {"flows_10s": _table(windows, endpoints, cluster, FLOWS)}
    by_minute = windows
    for table, coarser, rows in _above(windows, found["flows_10s"], ROLLUPS, endpoints, cluster):
        found[table] = rows
        by_minute = coarser if table == "flows_1m" else by_minute
    for told, schema, rollups in (
        (by_workload(by_minute, endpoints), WORKLOADS, WORKLOAD_LEVELS),
        (by_end(by_minute, endpoints), ENDS, END_LEVELS),
    ):
        below = _table(told, endpoints, cluster, schema)
        for table, _, rows in _above(told, below, rollups, endpoints, cluster):
            found[table] = rows
    if unclaimed := by_silent_node(by_minute, endpoints, silent):
        found["unclaimed"] = _table(unclaimed, endpoints, cluster, UNCLAIMED)
    return found


def _above(
    windows: Windows,
    rows: pa.Table,
    rollups: dict[str, Rollup],
    endpoints: Endpoints,
    cluster: str,
) -> Iterator[tuple[str, Windows, pa.Table]]:
    """Level by level. rows: those of the windows, of which most columns are also the coarser's."""
    for table, rollup in rollups.items():
        coarser = roll_up(windows, rollup, endpoints)
        if coarser.measures is windows.measures and not rollup.without:
            rows = rows.set_column(0, "window", _instants(coarser.dimensions["window"]))
        else:
            rows = _table(coarser, endpoints, cluster, rollup.schema)
        yield table, coarser, rows
        windows = coarser


def roll_up(windows: Windows, rollup: Rollup, endpoints: Endpoints) -> Windows:
    """The windows of a coarser level."""
    before = windows.dimensions["window"]
    dimensions = windows.dimensions | {"window": before // rollup.seconds * rollup.seconds}
    if rollup.without:
        for side in ("client", "server"):
            dimensions[side] = endpoints.on_node(dimensions[side])
    elif _different(dimensions["window"]) == _different(before):
        return replace(windows, dimensions=dimensions)
    groups = Groups(list(dimensions.values()))
    if groups.distinct:
        return replace(windows, dimensions=dimensions)
    measured = {name: reduced(name, values, groups) for name, values in windows.measures.items()}
    return replace(windows, dimensions=chosen(dimensions, groups), measures=measured)


def _different(values: np.ndarray) -> int:
    return len(pc.unique(pa.array(values)))


def _table(windows: Windows, endpoints: Endpoints, cluster: str, schema: pa.Schema) -> pa.Table:
    found = windows.dimensions
    clusters = pa.array([cluster])
    columns: dict[str, pa.Array] = {
        "window": _instants(found["window"]),
        "cluster": pa.DictionaryArray.from_arrays(
            np.zeros(len(found["window"]), np.int8), clusters
        ),
        **{
            name: pa.array(found[name].astype(kind))
            for name, kind in PLAIN.items()
            if name in found
        },
        **windows.measures,
        **{name: dollars(windows.measures[name]) for name in MONEY if name in windows.measures},
    }
    for dimension, prefix in ENDPOINTS.items():
        if dimension in found:
            columns |= endpoints.columns(prefix, found[dimension], schema.names)
    if "node" in found:  # the reporter's, also where the end's own would have that name
        nodes = pa.array(windows.nodes, pa.string())
        columns["node"] = pa.DictionaryArray.from_arrays(found["node"].astype(np.int32), nodes)
    if "way" in found:
        columns |= _path(windows)
    return pa.table({name: columns[name] for name in schema.names})


def _path(windows: Windows) -> dict[str, pa.Array]:
    places = windows.dimensions["way"]
    paths, behinds, gateways = zip(*windows.ways, strict=True)
    words = pa.array(gateways, pa.string()).dictionary_encode()
    gateway = words.indices.to_numpy().astype(np.int32).take(places)
    return {
        "path": pa.array(np.array(paths, np.int8).take(places)),
        "path_behind": pa.array(np.array(behinds, np.int8).take(places)),
        "gateway": pa.DictionaryArray.from_arrays(gateway, words.dictionary),
    }


def _instants(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds.astype("datetime64[s]"), pa.timestamp("s", "UTC"))
