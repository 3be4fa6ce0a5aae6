"""Which batches an agent sent a second time: it does not always learn that Kafka had taken them.

A batch is known by node, agent instance and number. What is in the tables says which numbers were
inserted, so it is asked once for each agent instance and partition assignment, for all the new ones
of a range together, and remembered from there on. The decision is the same when a range that was
recorded is inserted again after a crash: a message is not a repeat of itself, which the time of
sending tells, and its insert is made complete under its token.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from stream import metrics
from stream.decode import Delivery

Sender = tuple[str, str]
"""Node and agent instance."""

Runs = list[tuple[int, int]]


class BatchLog(Protocol):
    """The numbers of batches in the tables. Both calls block for it."""

    def batch_numbers(self, cluster: str, agents: Collection[Sender]) -> Mapping[Sender, Runs]:
        """First and last of each unbroken run of an agent's numbers, ascending; without the agents
        that have none."""

    def batch_time(self, cluster: str, node: str, agent: str, sequence: int) -> int | None:
        """Unix milliseconds at which the message of that number was sent."""


class Numbers:
    """A set of numbers that come nearly in order, kept as its unbroken runs."""

    def __init__(self, runs: Iterable[tuple[int, int]] = ()) -> None:
        self._runs = list(runs)

    def add(self, number: int) -> bool:
        """Whether it was not there yet."""
        at = bisect_right(self._runs, number, key=lambda run: run[0])
        first = last = number
        begin = end = at
        if at and self._runs[at - 1][1] >= number - 1:
            if self._runs[at - 1][1] >= number:
                return False
            first, begin = self._runs[at - 1][0], at - 1
        if at < len(self._runs) and self._runs[at][0] == number + 1:
            last, end = self._runs[at][1], at + 1
        self._runs[begin:end] = [(first, last)]
        return True

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._runs, number, key=lambda run: run[0])
        return at > 0 and number <= self._runs[at - 1][1]

    @property
    def runs(self) -> Sequence[tuple[int, int]]:
        """First and last of each, ascending."""
        return self._runs

    def gap(self, number: int) -> int:
        """Numbers passed over if this one comes next."""
        return max(0, number - self._runs[-1][1] - 1) if self._runs else 0


class Repeats:
    """Tells each batch's first coming from the others, and counts what the numbers show."""

    def __init__(self, log: BatchLog, cluster: str) -> None:
        self._log = log
        self._cluster = cluster
        self._epoch = -1
        self._known: dict[Sender, Numbers] = {}

    def part(
        self, deliveries: Sequence[Delivery], epoch: int, again: bool = False
    ) -> tuple[list[Delivery], list[Delivery]]:
        """Those that are to be inserted, and the repeats of batches that already were. In another
        epoch, other workers have inserted meanwhile. again: whether the range was recorded before,
        so that its own batches may be among those that were inserted.

        A batch is taken for inserted from now on: if the insert fails, the worker must end.
        """
        if epoch != self._epoch:
            self._epoch = epoch
            self._known.clear()
        self._learn({_sender(delivery) for delivery in deliveries} - self._known.keys())
        new: list[Delivery] = []
        repeated: list[Delivery] = []
        for delivery in deliveries:
            (new if self._is_new(delivery, again) else repeated).append(delivery)
        return new, repeated

    def _learn(self, senders: Collection[Sender]) -> None:
        if senders:
            found = self._log.batch_numbers(self._cluster, senders)
            self._known |= {sender: Numbers(found.get(sender, ())) for sender in senders}

    def _is_new(self, delivery: Delivery, again: bool) -> bool:
        origin = delivery.batch.origin
        key = _sender(delivery)
        gap = self._known[key].gap(origin.sequence)
        if self._known[key].add(origin.sequence):
            metrics.missing_batches.inc(gap)
            return True
        if again:
            sent = self._log.batch_time(self._cluster, *key, origin.sequence)
            if sent == round(delivery.timestamp * 1000):
                return True
        metrics.repeated_batches.inc()
        return False


def _sender(delivery: Delivery) -> Sender:
    return delivery.batch.origin.node, delivery.batch.origin.agent
