"""Whether the worker works, and if not why, for probes and people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from click import ClickException
from prometheus_client import Gauge

from stream import metrics

REBALANCE_PATIENCE = 60.0


class State(StrEnum):
    STARTING = "starting"
    REBALANCING = "rebalancing"
    WORKING = "working"
    WAITING = "waiting"
    DRAINING = "draining"
    FAILED = "failed"


class Health:
    """Told of what happens, asked for `answer`; all of it on the event loop.

    `unanswered` says why ClickHouse does not answer, "" while it does.
    """

    def __init__(self) -> None:
        self.unanswered: Callable[[], str] = str
        self._state = State.STARTING
        self._since = time.monotonic()
        self._failure = ""
        self._partitions: list[int] = []

    def rebalancing(self) -> None:
        self._enter(State.REBALANCING)
        self._partitions = []

    def assigned(self, partitions: Iterable[int]) -> None:
        """A worker without partitions works, too: it stands by."""
        self._enter(State.WORKING)
        self._partitions = sorted(partitions)

    def draining(self) -> None:
        self._enter(State.DRAINING)

    def fail(self, error: BaseException) -> None:
        self._enter(State.FAILED)
        self._failure = error.message if isinstance(error, ClickException) else str(error)

    def answer(self) -> tuple[HTTPStatus, dict[str, Any]]:
        """200 or 503, and what there is to say; ages in seconds, null before the first insert."""
        reason = self._reason()
        waiting = self._state == State.WORKING and bool(reason)
        return (
            HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK,
            {
                "state": State.WAITING if waiting else self._state,
                "reason": reason,
                "partitions": self._partitions,
                "lag_messages": int(sum(_values(metrics.lag))),
                "waiting_ranges": int(sum(_values(metrics.waiting_ranges))),
                "watermark_age_seconds": _age(metrics.watermark),
                "last_insert_age_seconds": _age(metrics.last_insert),
            },
        )

    def _enter(self, state: State) -> None:
        if self._state not in (state, State.FAILED):
            self._state, self._since = state, time.monotonic()

    def _reason(self) -> str:
        if self._state == State.FAILED:
            return self._failure
        if detail := self.unanswered():
            return f"ClickHouse does not answer ({detail}): what it has not got waits in Kafka."
        seconds = time.monotonic() - self._since
        if self._state == State.STARTING:
            return f"Starting for {seconds:.0f} s: Kafka has not assigned partitions yet."
        if self._state == State.REBALANCING and seconds > REBALANCE_PATIENCE:
            return f"The group has been rebalancing for {seconds:.0f} s: see its other workers."
        return ""


def _values(gauge: Gauge) -> list[float]:
    return [sample.value for family in gauge.collect() for sample in family.samples]


def _age(gauge: Gauge) -> float | None:
    (moment,) = _values(gauge)
    return round(time.time() - moment, 1) if moment else None
