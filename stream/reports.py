"""Windows by the minute to rows that most questions read: of pairs of workloads, in which both
reports of a conversation are one, and of ends, each by its own node's reports.

sql.workloads and sql.ends have the rules, column by column.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sql import ends, workloads
from sql.workloads import Term, Whose
from stream.endpoints import Endpoints
from stream.groups import Groups
from stream.windows import Dimensions, Windows, chosen, reduced

CLIENT = 1
UNKNOWN = {""}
OF_PAIR = ("window", "protocol", "server_port", "way")


def by_workload(windows: Windows, endpoints: Endpoints) -> Windows:
    """One row for all that workloads in the same places have to do with one another in a window."""
    found = windows.dimensions
    dimensions = {name: found[name] for name in OF_PAIR} | {
        side: endpoints.in_zone(found[side]) for side in ("client", "server")
    }
    rows = _by_reporter(windows) | _where_alone(windows, endpoints)
    return _grouped(windows, dimensions, workloads.MEASURES, rows)


def by_end(windows: Windows, endpoints: Endpoints) -> Windows:
    """One row for all that an end, by its node, had to do with whomever in a window."""
    found = windows.dimensions
    own = np.where(found["reporter"] == CLIENT, found["client"], found["server"])
    dimensions = {"window": found["window"], "node": found["node"], "end": endpoints.of_pod(own)}
    return _grouped(windows, dimensions, ends.MEASURES, _by_reporter(windows))


def _grouped(
    windows: Windows,
    dimensions: Dimensions,
    measures: Mapping[str, tuple[Term, ...]],
    rows: Mapping[Whose, np.ndarray],
) -> Windows:
    groups = Groups(list(dimensions.values()))
    among = {whose: groups.among(some) for whose, some in rows.items()}
    among[Whose.ANY] = groups
    measured = {
        column: _sum([_taken(term, windows, among) for term in terms])
        for column, terms in measures.items()
    }
    return Windows(chosen(dimensions, groups), windows.nodes, measured, windows.ways)


def _by_reporter(windows: Windows) -> dict[Whose, np.ndarray]:
    client = windows.dimensions["reporter"] == CLIENT
    return {Whose.CLIENT: client, Whose.SERVER: ~client}


def _where_alone(windows: Windows, endpoints: Endpoints) -> dict[Whose, np.ndarray]:
    found = windows.dimensions
    client = found["reporter"] == CLIENT
    far = np.where(client, found["server"], found["client"])
    alone = endpoints.among("node", far, UNKNOWN)
    return {
        Whose.CLAIMED: client | alone,
        Whose.ALONE_AT_SERVER: ~client & alone,
        Whose.ALONE: alone,
    }


def _taken(term: Term, windows: Windows, among: Mapping[Whose, Groups]) -> pa.Array:
    return reduced(term.measure, windows.measures[term.measure], among[term.whose])


def _sum(terms: list[pa.Array]) -> pa.Array:
    return reduce(lambda one, other: pc.add(one.cast(pa.uint64()), other.cast(pa.uint64())), terms)
