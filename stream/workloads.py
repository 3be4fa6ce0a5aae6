"""Windows by the minute to windows of workloads, in which both reports of a conversation are one.

sql.workloads has the rule, column by column.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sql.workloads import MEASURES, Term, Whose
from stream.endpoints import Endpoints
from stream.groups import Groups
from stream.windows import Windows, chosen, reduced

CLIENT = 1
UNKNOWN = {""}
KEPT = ("window", "protocol", "server_port", "way")


def by_workload(windows: Windows, endpoints: Endpoints) -> Windows:
    """One row for all that workloads in the same places have to do with one another in a window."""
    found = windows.dimensions
    dimensions = {name: found[name] for name in KEPT} | {
        side: endpoints.in_zone(found[side]) for side in ("client", "server")
    }
    groups = Groups(list(dimensions.values()))
    among = {whose: groups.among(rows) for whose, rows in _rows(windows, endpoints).items()}
    among[Whose.ANY] = groups
    measures = {
        column: _sum([_taken(term, windows, among) for term in terms])
        for column, terms in MEASURES.items()
    }
    return Windows(chosen(dimensions, groups), [], measures, windows.ways)


def _rows(windows: Windows, endpoints: Endpoints) -> dict[Whose, np.ndarray]:
    found = windows.dimensions
    client = found["reporter"] == CLIENT
    far = np.where(client, found["server"], found["client"])
    alone = endpoints.among("node", far, UNKNOWN)
    return {
        Whose.CLIENT: client,
        Whose.SERVER: ~client,
        Whose.CLAIMED: client | alone,
        Whose.ALONE_AT_SERVER: ~client & alone,
        Whose.ALONE: alone,
    }


def _taken(term: Term, windows: Windows, among: dict[Whose, Groups]) -> pa.Array:
    return reduced(term.measure, windows.measures[term.measure], among[term.whose])


def _sum(terms: list[pa.Array]) -> pa.Array:
    return reduce(lambda one, other: pc.add(one.cast(pa.uint64()), other.cast(pa.uint64())), terms)
