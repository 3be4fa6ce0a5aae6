"""GET /api/changes: edges that are new, vanished, or grown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from sql.console.api.answers_tables import Change, ChangesAnswer
from sql.console.api.reading import Reading, Scoped
from sql.console.scope import Scope, moment
from sql.console.store import Store

router = APIRouter()

WEEK = 7 * 86400
Against = Literal["before", "week"]


@router.get("/changes")
def changes(
    store: Reading,
    asked: Scoped,
    against: Annotated[
        Against, Query(description="the range of equal length before, or whole hours a week ago")
    ] = "before",
) -> ChangesAnswer:
    """The largest first. Grown is at least twice the bytes, and a mebibyte more."""
    if against == "week":
        rows = store.rows("changes_week", asked.parameters())
    else:
        both = replace(asked.before(asked.seconds), until=asked.until)
        middle = {"middle": moment(asked.since)}
        rows = store.rows("changes_before", both.parameters() | middle)
    return ChangesAnswer(
        since=asked.since,
        until=asked.until,
        seconds=3600 if against == "week" else 60,
        against=against,
        note=_note(store, asked, against),
        changes=[_change(row) for row in rows],
    )


def _note(store: Store, asked: Scope, against: Against) -> str:
    (told,) = store.rows("began", {})
    if not told["hours"]:
        return "Nothing was recorded yet: is an agent running?"
    began = f"{datetime.fromtimestamp(told['began'], UTC):%Y-%m-%d %H:%M} UTC"
    if against == "week" and told["began"] > asked.until - WEEK:
        return f"Agents report since the hour of {began}: there is no week before to compare with."
    if against == "before" and told["began"] > asked.since - asked.seconds:
        return f"Agents report since the hour of {began}: what seems new may only be first seen."
    return ""


def _change(row: dict[str, Any]) -> Change:
    seen = None if row["change"] == "vanished" else row["first_seen"]
    return Change(**{**row, "first_seen": seen})
