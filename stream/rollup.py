"""Window rows to the rows of all levels, exactly as ClickHouse would group them, and cheaper.

The rows are already aggregated, and a range seldom spans two minutes, so the rows by the minute are
mostly those below them under another window.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sql.schema import FLOWS, MONEY, ROLLUPS, Rollup
from stream.endpoints import Endpoints
from stream.groups import Groups
from stream.price import dollars
from stream.windows import PRICED, Windows, chosen, measures


def levels(windows: Windows, endpoints: Endpoints, cluster: str) -> dict[str, pa.Table]:
    """The tables that the windows go to, flows_10s first: a pure function of them."""
    found = {"flows_10s": _table(windows, endpoints, cluster, FLOWS)}
    below = found["flows_10s"]
    for table, rollup in ROLLUPS.items():
        coarser = roll_up(windows, rollup, endpoints)
        if coarser.measures is windows.measures and not rollup.without:
            below = below.set_column(0, "window", _instants(coarser.dimensions["window"]))
        else:
            below = _table(coarser, endpoints, cluster, rollup.schema)
        found[table], windows = below, coarser
    return found


def roll_up(windows: Windows, rollup: Rollup, endpoints: Endpoints) -> Windows:
    """The windows of a coarser level."""
    before = windows.dimensions["window"]
    dimensions = windows.dimensions | {"window": before // rollup.seconds * rollup.seconds}
    if rollup.without:
        for side in ("client", "server"):
            dimensions[side] = endpoints.workloads(dimensions[side])
    elif _different(dimensions["window"]) == _different(before):
        return replace(windows, dimensions=dimensions)
    groups = Groups(list(dimensions.values()))
    if groups.distinct:
        return replace(windows, dimensions=dimensions)
    rows = pa.RecordBatch.from_pydict(windows.measures)
    measured = {
        **{name: pa.array(groups.sum(rows[name])) for name in ("flow_rows", *PRICED)},
        **measures(rows, groups),
    }
    return replace(windows, dimensions=chosen(dimensions, groups), measures=measured)


def _different(values: np.ndarray) -> int:
    return len(pc.unique(pa.array(values)))


def _table(windows: Windows, endpoints: Endpoints, cluster: str, schema: pa.Schema) -> pa.Table:
    found = windows.dimensions
    rows = len(found["window"])
    nodes, clusters = pa.array(windows.nodes, pa.string()), pa.array([cluster])
    columns: dict[str, pa.Array] = {
        "window": _instants(found["window"]),
        "cluster": pa.DictionaryArray.from_arrays(np.zeros(rows, np.int8), clusters),
        "node": pa.DictionaryArray.from_arrays(found["node"].astype(np.int32), nodes),
        "reporter": pa.array(found["reporter"].astype(np.int8)),
        "role_certain": pa.array(found["role_certain"].astype(bool)),
        "protocol": pa.array(found["protocol"].astype(np.int8)),
        "server_port": pa.array(found["server_port"].astype(np.uint16)),
        **endpoints.columns("client", found["client"], schema.names),
        **endpoints.columns("server", found["server"], schema.names),
        **_path(windows),
        **windows.measures,
        **{name: dollars(windows.measures[name]) for name in MONEY},
    }
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
