"""The stream's side of ClickHouse: recording ranges, inserting rows, trying again."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, TypeVar

import pyarrow as pa
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from urllib3.exceptions import HTTPError

from sql.client import reason
from sql.insert import encode, send
from sql.schema import OFFSET_RANGES
from stream import metrics
from stream.errors import InsertRefusedError, NotDrainedError, RangeTakenError
from stream.ranges import Range
from stream.repeats import Runs, Sender

log = logging.getLogger(__name__)
T = TypeVar("T")

TRANSIENT = frozenset(
    {3, 159, 164, 202, 209, 210, 236, 241, 242, 243, 252, 285, 286, 319, 394, 425, 999}
)
"""ClickHouse's codes that pass with time: overload (202, 241, 252), timeouts (159, 209, 394),
network (3, 210), read-only or full for now (164, 242, 243), cancelled or shutting down (236),
quorum and Keeper (285, 286, 319, 999), system (425)."""

ASKED_AT_ONCE = 50
"""Agents in one query: parameters go in the URL, of which servers take 8 KiB."""

LONGEST_PAUSE = 2.0
LOG_EVERY = 10.0
SLOW_SECONDS = 30.0
"""A call that takes longer counts as not answered in what the worker says of itself."""

LAST_RANGE = files("stream").joinpath("last_range.sql").read_text()
RECORDED_RANGE = files("stream").joinpath("recorded_range.sql").read_text()
BATCH_NUMBERS = files("stream").joinpath("batch_numbers.sql").read_text()
BATCH_TIME = files("stream").joinpath("batch_time.sql").read_text()
AGENTS = files("stream").joinpath("agents.sql").read_text()


class Store:
    """All calls block, and are repeated until ClickHouse answers: a slow or absent ClickHouse holds
    its caller up. They raise InsertRefusedError for what repeating cannot mend, and
    NotDrainedError once `give_up_after` has run out."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._deadline = float("inf")
        self._hurry = threading.Event()
        self._complaint = ""
        self._calls: dict[int, float] = {}

    @property
    def unanswered(self) -> str:
        """Why ClickHouse does not answer the call under way, "" while it does. For any thread."""
        seconds = time.monotonic() - min(list(self._calls.values()), default=float("inf"))
        slow = f"no answer for {seconds:.0f} s" if seconds > SLOW_SECONDS else ""
        return self._complaint or slow

    def give_up_after(self, seconds: float) -> None:
        """From now on ClickHouse has this long to come back. May be called from any thread."""
        self._deadline = time.monotonic() + seconds
        self._hurry.set()

    def last(self, group: str, topic: str, partition: int) -> Range | None:
        """The range of the partition that was recorded last."""
        found = self._query(LAST_RANGE, group=group, topic=topic, partition=partition)
        if not found:
            return None
        first, last, dead = found[0]
        return Range(group, topic, partition, first, last, tuple(dead))

    def record(self, closed: Range) -> None:
        """Recorded under a token of its first offset, so of two workers the first one wins and the
        other sees it. Raises RangeTakenError."""
        row = {
            "consumer_group": closed.group,
            "topic": closed.topic,
            "partition": closed.partition,
            "first_offset": closed.first,
            "last_offset": closed.last,
            "dead_offsets": closed.dead,
            "recorded_at": datetime.now(UTC),
        }
        token = f"{closed.group}-{closed.topic}-{closed.partition}-{closed.first}"
        self.insert("offset_ranges", pa.Table.from_pylist([row], OFFSET_RANGES), token)
        found = self._query(
            RECORDED_RANGE,
            group=closed.group,
            topic=closed.topic,
            partition=closed.partition,
            first=closed.first,
        )
        _, last, dead = found[0]
        if (last, tuple(dead)) != (closed.last, closed.dead):
            raise RangeTakenError(closed.partition, closed.first)

    def batch_numbers(self, cluster: str, agents: Collection[Sender]) -> Mapping[Sender, Runs]:
        """First and last of each unbroken run of numbers of the agents' inserted batches."""
        found: defaultdict[Sender, Runs] = defaultdict(list)
        wanted = sorted(agents)
        for start in range(0, len(wanted), ASKED_AT_ONCE):
            nodes, names = zip(*wanted[start : start + ASKED_AT_ONCE], strict=True)
            arguments = {"nodes": list(nodes), "agents": list(names)}
            for node, agent, first, last in self._query(
                BATCH_NUMBERS, cluster=cluster, **arguments
            ):
                found[node, agent].append((first, last))
        return found

    def batch_time(self, cluster: str, node: str, agent: str, sequence: int) -> int | None:
        """Unix milliseconds at which the message of an inserted batch was sent."""
        batch = {"cluster": cluster, "node": node, "agent": agent, "sequence": sequence}
        found = self._query(BATCH_TIME, **batch)
        return found[0][0] if found else None

    def agents(self, cluster: str, hour: int) -> Collection[str]:
        """Nodes whose agent told of the hour that begins at these Unix seconds."""
        return [node for (node,) in self._query(AGENTS, cluster=cluster, hour=hour)]

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        """Blocks until ClickHouse has the rows, in one block, under the token."""
        if not rows.num_rows:
            return
        with metrics.stage("encode"):
            block = encode(table, rows)
        with metrics.stage("insert"):
            self._persist(lambda: send(self._client, block, token))

    def _query(self, text: str, **parameters: Any) -> list[tuple[Any, ...]]:
        answer = self._persist(lambda: self._client.query(text, parameters=parameters))
        return [tuple(row) for row in answer.result_rows]

    def _persist(self, call: Callable[[], T]) -> T:
        pause, told = 0.1, 0.0
        while True:
            self._calls[threading.get_ident()] = time.monotonic()
            try:
                answer = call()
            except (ClickHouseError, HTTPError, OSError) as error:
                detail = reason(error)
                if not retryable(error):
                    raise InsertRefusedError(detail) from error
                if time.monotonic() > self._deadline:
                    raise NotDrainedError(detail) from error
            else:
                self._complaint = ""
                return answer
            finally:
                del self._calls[threading.get_ident()]
            self._complaint = detail
            metrics.retries.inc()
            if time.monotonic() - told > LOG_EVERY:
                told = time.monotonic()
                log.warning('clickhouse not ready, trying again reason="%s"', detail)
            time.sleep(0.1 if self._hurry.is_set() else pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def retryable(error: Exception) -> bool:
    """Whether the same call may succeed later: no answer at all, or one that passes with time."""
    code = getattr(error, "code", None)
    return not isinstance(error, DatabaseError) or code is None or code in TRANSIENT
