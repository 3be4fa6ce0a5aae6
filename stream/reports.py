"""Windows by the minute to rows that most questions read: of pairs of workloads, in which both
reports of a conversation are one, and of ends, each by its own node's reports; and what counts of
pairs besides as long as a node is silent.

sql.workloads and sql.ends have the rules, column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
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
OF_UNCLAIMED = {term.measure for terms in workloads.UNCLAIMED.values() for term in terms}
MINUTE, HOUR = 60, 3600

Silent = Callable[[int, Set[str], Set[str]], Set[str]]
"""As heard.Heard.silent."""


def by_workload(windows: Windows, endpoints: Endpoints) -> Windows:
    """One row for all that workloads in the same places have to do with one another in a window."""
    rows = _by_reporter(windows) | _where_alone(windows, endpoints)
    return _grouped(windows, _of_pair(windows, endpoints), workloads.MEASURES, rows)


def by_end(windows: Windows, endpoints: Endpoints) -> Windows:
    """One row for all that an end, by its node, had to do with whomever in a window."""
    found = windows.dimensions
    own = np.where(found["reporter"] == CLIENT, found["client"], found["server"])
    dimensions = {"window": found["window"], "node": found["node"], "end": endpoints.of_pod(own)}
    return _grouped(windows, dimensions, ends.MEASURES, _by_reporter(windows))


def by_silent_node(windows: Windows, endpoints: Endpoints, silent: Silent) -> Windows | None:
    """What counts besides of conversations with nodes that are silent, by the node: each row in its
    minute, and again in its hour. None where all are heard."""
    found = windows.dimensions
    far, words = endpoints.words("node", _far(windows))
    rows = np.flatnonzero(_tells_of_far(windows) & _among_silent(windows, far, words, silent))
    if not len(rows):
        return None
    twice = np.tile(rows, 2)
    seconds = np.repeat([MINUTE, HOUR], len(rows))
    some = Windows(
        {name: values.take(twice) for name, values in found.items()},
        words,
        {name: windows.measures[name].take(pa.array(twice)) for name in OF_UNCLAIMED},
        windows.ways,
    )
    dimensions = _of_pair(some, endpoints) | {"node": far.take(twice), "seconds": seconds}
    dimensions["window"] = dimensions["window"] // seconds * seconds
    return _grouped(some, dimensions, workloads.UNCLAIMED, _by_reporter(some))


def _tells_of_far(windows: Windows) -> np.ndarray:
    costs = windows.measures["cost_far_usd"].to_numpy() != 0
    found: np.ndarray = costs | (windows.dimensions["reporter"] != CLIENT)
    return found


def _among_silent(
    windows: Windows, far: np.ndarray, words: list[str], silent: Silent
) -> np.ndarray:
    hours = windows.dimensions["window"] // HOUR * HOUR
    found = np.zeros(len(hours), bool)
    for hour in pc.unique(pa.array(hours)).to_pylist():
        within = hours == hour
        named = _told(words, far[within]) - UNKNOWN
        missing = silent(hour, named, _told(windows.nodes, windows.dimensions["node"][within]))
        if missing:
            found |= within & np.array([word in missing for word in words])[far]
    return found


def _told(words: list[str], places: np.ndarray) -> set[str]:
    seen = np.zeros(len(words), bool)
    seen[places] = True
    return {words[place] for place in np.flatnonzero(seen).tolist()}


def _of_pair(windows: Windows, endpoints: Endpoints) -> Dimensions:
    found = windows.dimensions
    return {name: found[name] for name in OF_PAIR} | {
        side: endpoints.in_zone(found[side]) for side in ("client", "server")
    }


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
    client = windows.dimensions["reporter"] == CLIENT
    alone = endpoints.among("node", _far(windows), UNKNOWN)
    return {
        Whose.CLAIMED: client | alone,
        Whose.ALONE_AT_SERVER: ~client & alone,
        Whose.ALONE: alone,
    }


def _far(windows: Windows) -> np.ndarray:
    """The end that does not report."""
    found = windows.dimensions
    return np.where(found["reporter"] == CLIENT, found["server"], found["client"])


def _taken(term: Term, windows: Windows, among: Mapping[Whose, Groups]) -> pa.Array:
    return reduced(term.measure, windows.measures[term.measure], among[term.whose])


def _sum(terms: list[pa.Array]) -> pa.Array:
    return reduce(lambda one, other: pc.add(one.cast(pa.uint64()), other.cast(pa.uint64())), terms)
