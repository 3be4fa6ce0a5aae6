"""GET /api/timeline: what went on in each step of a range, for the scrubber beneath the map."""

from __future__ import annotations

from fastapi import APIRouter

from sql.console.api.answers import TimelineAnswer, TimelinePoint
from sql.console.api.reading import Reading, Scoped

router = APIRouter()

POINTS = 400
"""At most, by which the step is chosen: about what a screen can show."""


@router.get("/timeline")
def timeline(store: Reading, asked: Scoped) -> TimelineAnswer:
    """Sums of all that passes the filters, by step, in order of time."""
    parameters = asked.parameters()
    seconds = asked.level.seconds
    step = -(-asked.seconds // (POINTS * seconds)) * seconds
    rows = store.rows("timeline", parameters | {"step": step})
    points = [TimelinePoint(**row) for row in rows]
    return TimelineAnswer(
        since=asked.since, until=asked.until, seconds=seconds, step=step, points=points
    )
