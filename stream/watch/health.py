"""Whether the watcher keeps up with the cluster, and if not why, for probes and people."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from stream.watch.follow import Follower
from stream.watch.from_file import FileFollower

STALE_SECONDS = 120.0


def answer(followers: Sequence[Follower | FileFollower]) -> tuple[HTTPStatus, dict[str, Any]]:
    """503 while listing and when a resource has not been watched for STALE_SECONDS; ages in
    seconds, null before the first list."""
    now = time.time()
    resources = {f.name: _age(f, now) for f in followers}
    reason = next(filter(None, (_reason(f, now) for f in followers)), "")
    listing = not all(f.listed.is_set() for f in followers)
    state = "starting" if listing else "stale" if reason else "watching"
    status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
    return status, {"state": state, "reason": reason, "age_seconds": resources}


def _age(follower: Follower | FileFollower, now: float) -> float | None:
    current = follower.current()
    return round(max(0.0, now - current), 1) if current else None


def _reason(follower: Follower | FileFollower, now: float) -> str:
    name = follower.name
    why = f" ({follower.problem})" if follower.problem else ""
    if not follower.listed.is_set():
        return f"The first list of {name} is not done{why}."
    age = now - follower.current()
    return f"{name} has not been watched for {age:.0f} s{why}." if age > STALE_SECONDS else ""
