"""GET /api/edge and GET /api/end: all about one edge or end of the map."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sql.console import shares
from sql.console.api.answers import ErrorAnswer, Measures, PanelAnswer, Peer, Point
from sql.console.api.reading import Reading, Scoped
from sql.console.ends import OTHERS, Grain, grain_of, parse, sides
from sql.console.errors import BadParameterError, NotFoundError
from sql.console.scope import MINUTES, TENTHS, Scope
from sql.console.store import Store

router = APIRouter()

POINTS = 120
"""At most, by which the step of time is chosen."""
WEEK = 7 * 86400
UNMEASURED = ("retransmit_rate", "rtt_p50", "rtt_p95", "connect_p95")
"""Null in a point in which nothing was seen; the rest is 0."""
Row = dict[str, Any]
Id = Annotated[str, Query(min_length=1, max_length=500, description="An end's id on the map")]
Ends = Annotated[Grain | None, Query(description="What other ends are; by the ids if not given")]
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": ErrorAnswer}}


@router.get("/edge", responses=UNKNOWN)
def edge(store: Reading, asked: Scoped, client: Id, server: Id, ends: Ends = None) -> PanelAnswer:
    """What went from one end to another."""
    which = {"end": "", "client": client, "server": server}
    grain = ends or grain_of(client, server)
    return _answer(store, asked, grain, which | sides(client, server), f"{client} → {server}")


@router.get("/end", responses=UNKNOWN)
def end(store: Reading, asked: Scoped, id: Id, ends: Ends = None) -> PanelAnswer:  # noqa: A002
    """What an end had a part in, and who the other ends were."""
    which = {"end": id, "client": "", "server": ""}
    return _answer(store, asked, ends or grain_of(id), which | sides(id, id), id)


def _answer(store: Store, asked: Scope, grain: Grain, which: Row, name: str) -> PanelAnswer:
    if any(
        id_.startswith(f"{OTHERS}:") for id_ in (which["end"], which["client"], which["server"])
    ):
        raise BadParameterError(f"{name} stands for many: filter the map to see them one by one.")
    scopes = asked, asked.before(asked.seconds), asked.before(WEEK)
    parameters = asked.summed() | which
    seconds = MINUTES.seconds if grain == "pod" else asked.level.seconds
    step = -(-asked.seconds // (POINTS * seconds)) * seconds
    finest = asked.parameters() | which | {"step": step}
    with ThreadPoolExecutor(5) as pool:
        sums = [
            pool.submit(store.rows, "panel_sums", scope.summed() | which, grain) for scope in scopes
        ]
        points = pool.submit(store.rows, "panel_points", finest, grain)
        split = pool.submit(store.rows, "panel_shares", parameters, grain)
        peers = pool.submit(store.rows, "panel_peers", parameters, grain) if which["end"] else None
        newest = pool.submit(store.rows, "newest", {})
        now, before, last_week = (one.result()[0] for one in sums)
    if not any(one["was_seen"] for one in (now, before, last_week)):
        raise NotFoundError(f"{name} was not seen then, nor before: look at a longer time.")
    return PanelAnswer(
        since=asked.since,
        until=asked.until,
        seconds=seconds,
        step=step,
        now=Measures(**now),
        before=Measures(**before) if before["was_seen"] else None,
        last_week=Measures(**last_week) if last_week["was_seen"] else None,
        points=_points(points.result(), asked, step, newest.result()[0]["newest"] or 0),
        drop_reasons=now["drop_reasons"],
        zone_pairs=shares.zone_pairs(split.result()),
        paths=shares.paths(split.result()),
        ports=shares.ports(split.result()),
        peers=[_peer(row) for row in peers.result()] if peers else [],
    )


def _points(rows: list[Row], asked: Scope, step: int, newest: int) -> list[Point]:
    """One for each step, also for those in which nothing was seen. Of a live range those are left
    out of which less than half can be there yet: they would look as if all had stopped."""
    by_time = {row["time"]: row for row in rows}
    nothing: Row = dict.fromkeys(Point.model_fields, 0) | dict.fromkeys(UNMEASURED)
    first = asked.since // step * step
    until = min(asked.until, newest + TENTHS.seconds - step // 2 + 1) if asked.live else asked.until
    return [
        Point(**(nothing | by_time.get(time, {}) | {"time": time}))
        for time in range(first, until, step)
    ]


def _peer(row: Row) -> Peer:
    size = row["bytes_to_server"] + row["bytes_to_client"]
    return Peer(**row, name=parse(row["id"]).name, bytes=size)
