"""GET /api/map: who talks to whom in a range of time, as nodes and edges."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from sql.console import graph, sums
from sql.console.api.answers import MapAnswer
from sql.console.api.reading import Scoped, Sharing
from sql.console.ends import Grain
from sql.console.folding import Folded, drawn, fold
from sql.console.scope import FEW_MINUTES, MINUTES, Scope
from sql.console.store import Store

router = APIRouter()

BEFORE_SECONDS = 30.0
"""How old what was seen in the range before may be: it is the same for all who ask within a minute,
and only late rows change it."""


@router.get("/map", response_model=MapAnswer)
def service_map(
    shared: Sharing,
    asked: Scoped,
    ends: Annotated[Grain, Query(description="What a node is")] = "workload",
    limit: Annotated[int, Query(ge=1, le=50_000, description="Edges to draw at most")] = 5_000,
    nodes: Annotated[int, Query(ge=1, le=20_000, description="Nodes to draw at most")] = 2_000,
) -> Response:
    """The largest edges and nodes; what is beyond the limits is summed up in "others". Pods are
    there by the minute, for 30 days."""
    store, parameters = shared.store, asked.summed()
    with ThreadPoolExecutor(3) as pool:  # of which ClickHouse answers the longest last
        range_ = pool.submit(store.rows, "first", parameters)
        earlier = asked.before(asked.seconds)
        if asked.seconds >= FEW_MINUTES:
            before = pool.submit(shared.before, (earlier.whole_minutes, ends))
        else:
            before = pool.submit(pairs, store, (earlier, ends))
        every = sums.read(store.table("map", parameters, ends), ends, apart=asked.apart)
        (told,), known = range_.result(), before.result()
    shown, folded = _drawn(every, limit, nodes)
    shown = shown.largest_first()
    hours = (asked.until - (told["first"] or asked.since)) / 3600
    edges = graph.edges(shown, known, hours)
    found = graph.nodes(shown, folded.inside if folded else {})
    answer = {
        "since": asked.since,
        "until": asked.until,
        "seconds": MINUTES.seconds if ends == "pod" else told["seconds"],
        "ends": ends,
        "nodes": found,
        "edges": edges,
        "totals": _totals(edges, found, folded),
        "folded": _said(folded),
    }
    # Validated row by row it would take longer than to ask ClickHouse.
    return Response(msgspec.json.encode(answer), media_type="application/json")


def pairs(store: Store, asked: tuple[Scope, Grain]) -> set[sums.Pair]:
    """All between which anything went."""
    seen, ends = asked
    return sums.pairs(store.table("before", seen.summed(), ends), ends, apart=seen.apart)


def _drawn(every: sums.Sums, edges: int, nodes: int) -> tuple[sums.Sums, Folded | None]:
    if len(every.pairs) <= edges and len({end for pair in every.pairs for end in pair}) <= nodes:
        return every, None
    sizes = every.counts["bytes_to_server"] + every.counts["bytes_to_client"]
    sized = [(*pair, size) for pair, size in zip(every.pairs, sizes.tolist(), strict=True)]
    shown = list(drawn(sized, edges, nodes))
    becomes = {pair[:2]: ends for pair, ends in shown}
    return every.added(becomes[pair] for pair in every.pairs), fold(shown)


def _totals(edges: list[graph.Row], nodes: list[graph.Row], folded: Folded | None) -> graph.Row:
    return {
        "bytes": sum(edge["bytes_to_server"] + edge["bytes_to_client"] for edge in edges),
        "edges": folded.all_edges if folded else len(edges),
        "nodes": folded.all_nodes if folded else len(nodes),
        "cost_usd": sum(edge["cost_usd"] for edge in edges),
    }


def _said(folded: Folded | None) -> graph.Row | None:
    if folded is None:
        return None
    sentence = (
        f"{folded.edges:,} of {folded.all_edges:,} edges and {folded.nodes:,} of "
        f"{folded.all_nodes:,} nodes, the smallest, are summed up in “others”: filter, or ask for "
        "a coarser map, to see them."
    )
    counts = {"nodes": folded.nodes, "edges": folded.edges, "bytes": folded.bytes}
    return counts | {"sentence": sentence}
