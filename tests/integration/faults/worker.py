"""`flowatlas stream`, killed by itself when it passes a named point for the nth time.

Points: decoded, recorded, inserting:TABLE (the rows are sent, no answer is read yet),
inserted:TABLE, committed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from urllib3.connection import HTTPConnection

import stream.sink
from stream.__main__ import command
from stream.partition_log import PartitionLog
from stream.replay.__main__ import command as replay
from stream.store import Store
from tests.integration.faults import next_version

PDEATHSIG = ctypes.CDLL(None).prctl
"""prctl(PR_SET_PDEATHSIG=1, …): ends it with its parent, should pytest itself be killed."""


class Passing:
    """Ends this process, as nothing but SIGKILL does, at the nth passing of `point`."""

    def __init__(self, point: str, nth: int) -> None:
        self._point = point
        self._left = nth

    def at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                print(f"killed at {point}", flush=True)
                os.kill(os.getpid(), signal.SIGKILL)


def arm(passing: Passing) -> None:
    """Puts the points into the worker's own calls."""
    inserting = threading.local()

    def insert(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(store: Store, table: str, *rest: Any) -> None:
            inserting.table = table
            plain(store, table, *rest)
            del inserting.table
            passing.at(f"inserted:{table}")

        return call

    def answer(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(connection: Any) -> Any:
            if hasattr(inserting, "table"):
                passing.at(f"inserting:{inserting.table}")
            return plain(connection)

        return call

    async def commit(log: PartitionLog, *position: Any) -> None:
        await committed(log, *position)
        passing.at("committed")

    committed = PartitionLog.commit
    after = _after(passing)
    for owner, name, change in (
        (stream.sink, "decode_all", after("decoded")),
        (Store, "record", after("recorded")),
        (Store, "insert", insert),
        (HTTPConnection, "getresponse", answer),
        (PartitionLog, "commit", lambda _: commit),
    ):
        setattr(owner, name, change(getattr(owner, name)))


def _after(passing: Passing) -> Callable[[str], Callable[..., Any]]:
    def named(point: str) -> Callable[..., Any]:
        def change(plain: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(plain)
            def call(*given: Any) -> Any:
                result = plain(*given)
                passing.at(point)
                return result

            return call

        return change

    return named


def work(flags: list[str], log: str, point: str, nth: int, newer: bool) -> None:
    """The process's whole life; its words go to the end of `log`."""
    PDEATHSIG(1, signal.SIGKILL)
    words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(words, 1)
    os.dup2(words, 2)
    if newer:
        next_version.install()
    if point:
        arm(Passing(point, nth))
    if flags[0] == "replay":
        replay.main(flags[1:])
    command.main(flags)
