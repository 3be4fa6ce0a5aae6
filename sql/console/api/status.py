"""GET /api/status: what can be chosen, and how new the newest is."""

from __future__ import annotations

import time
from importlib import metadata

from fastapi import APIRouter

from sql.console.api.answers import Status
from sql.console.api.reading import Reading

router = APIRouter()


@router.get("/status")
def status(store: Reading) -> Status:
    """Of the last day."""
    (found,) = store.rows("status", {})
    return Status(version=metadata.version("flowatlas"), now=int(time.time()), **found)
