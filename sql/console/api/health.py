"""GET /api/health: the worst edges first, each with the sentence that says why."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sql.console.api.answers import Measures
from sql.console.api.answers_tables import HealthAnswer, SickEdge
from sql.console.api.reading import Reading, Scoped
from sql.console.diagnosis import sentence
from sql.console.ends import Grain

router = APIRouter()

HEALTHY = 99.0
"""A score that nobody has to look at."""


@router.get("/health")
def health(
    store: Reading,
    asked: Scoped,
    ends: Annotated[Grain, Query(description="Of what the ends are")] = "workload",
    limit: Annotated[int, Query(ge=1, le=500, description="Edges at the most")] = 50,
) -> HealthAnswer:
    """What was before is told of the range of equal length before."""
    rows = store.rows("sick", asked.summed() | {"limit": limit}, ends)
    sick = [row for row in rows if row["health"] < HEALTHY]
    pairs = {"pairs": [row["pair"] for row in sick]}
    with ThreadPoolExecutor(2) as pool:
        earlier = asked.before(asked.seconds).summed() | pairs
        was = pool.submit(store.rows, "sick_before", earlier, ends)
        points: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for point in store.rows("sick_points", asked.parameters() | pairs, ends):
            points[point["pair"]].append(point)
        before = {row["pair"]: row for row in was.result()}
    edges = [
        SickEdge(
            client=row["client"],
            server=row["server"],
            health=row["health"],
            sentence=sentence(row, before.get(row["pair"]), points[row["pair"]], row["penalties"]),
            now=Measures(**row),
        )
        for row in sick
    ]
    return HealthAnswer(
        since=asked.since,
        until=asked.until,
        seconds=rows[0]["seconds"] if rows else 60,
        edges=edges,
        healthy_edges=rows[0]["edges"] - len(sick) if rows else 0,
    )
