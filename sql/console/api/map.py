"""GET /api/map: who talks to whom in a range of time, as nodes and edges."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from sql.console import graph
from sql.console.api.answers import MapAnswer
from sql.console.api.reading import Reading, Scoped
from sql.console.ends import Grain
from sql.console.folding import Folded, fold
from sql.console.scope import MINUTES
from sql.console.store import Store

router = APIRouter()


@router.get("/map", response_model=MapAnswer)
def service_map(
    store: Reading,
    asked: Scoped,
    ends: Annotated[Grain, Query(description="What a node is")] = "workload",
    limit: Annotated[int, Query(ge=1, le=50_000, description="Edges to draw at most")] = 5_000,
    nodes: Annotated[int, Query(ge=1, le=20_000, description="Nodes to draw at most")] = 2_000,
) -> Response:
    """The largest edges and nodes; what is beyond the limits is summed up in "others". Pods are
    there by the minute, for 30 days."""
    parameters = asked.summed() | {"edges": limit, "nodes": nodes, "ends": ends}
    with ThreadPoolExecutor(3) as pool:  # of which ClickHouse answers the longest last
        range_ = pool.submit(store.rows, "first", parameters)
        earlier = asked.before(asked.seconds).summed()
        before = pool.submit(store.rows, "before", earlier, ends)
        rows, folded = _edges(store, parameters, ends)
        (told,), (known,) = range_.result(), before.result()
    hours = (asked.until - (told["first"] or asked.since)) / 3600
    drawn = graph.edges(rows, set(known["pairs"]), hours)
    found = graph.nodes(rows, folded.inside if folded else {})
    answer = {
        "since": asked.since,
        "until": asked.until,
        "seconds": MINUTES.seconds if ends == "pod" else told["seconds"],
        "ends": ends,
        "nodes": found,
        "edges": drawn,
        "totals": _totals(drawn, found, folded),
        "folded": _said(folded),
    }
    # Validated row by row it would take longer than to ask ClickHouse.
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _edges(
    store: Store, parameters: dict[str, Any], ends: Grain
) -> tuple[list[graph.Row], Folded | None]:
    limits = parameters["edges"], parameters["nodes"]
    if ends != "pod":  # which are too many more often than not
        rows = store.rows("map", parameters, ends)
        names = {row[side] for row in rows for side in ("client", "server")}
        if len(rows) <= limits[0] and len(names) <= limits[1]:
            return rows, None
    pairs = store.rows("pairs", parameters, ends)
    folded = fold(((pair["client"], pair["server"], pair["bytes"]) for pair in pairs), *limits)
    if not folded.edges:
        return store.rows("map", parameters, ends), None
    return store.rows("map_folded", parameters, ends), folded


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
