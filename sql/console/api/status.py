"""GET /api/status: what can be chosen, and how new the newest is."""

from __future__ import annotations

import time
from importlib import metadata

from fastapi import APIRouter

from sql.console.api.answers import StatusAnswer
from sql.console.api.reading import Reading

router = APIRouter()


@router.get("/status")
def status(store: Reading) -> StatusAnswer:
    """Of the last day."""
    (found,) = store.rows("status", {})
    return StatusAnswer(version=metadata.version("flowatlas"), now=int(time.time()), **found)
