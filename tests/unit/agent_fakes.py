"""A probe without a kernel and a producer without a broker, for the agent's loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException

from agent.account import NOTHING
from agent.conntrack import Conntrack
from agent.identity import Cgroups
from agent.ring import ANSWER, RECORD, ROLE_CLIENT, Records
from agent.wire import Batch, Ledger, decode, names

SECOND = 1_000_000_000


@dataclass
class FakeKernel:
    """What outlives an agent: the ring buffer and its ledger."""

    ring: Records = field(default_factory=lambda: np.empty(0, RECORD))
    answers: Records = field(default_factory=lambda: np.empty(0, ANSWER))
    ledger: Any = NOTHING

    def emit(self, count: int, conversations: int = 3) -> None:
        """Records of one byte each way over so many conversations."""
        records = np.zeros(count, RECORD)
        records["role"] = ROLE_CLIENT
        records["protocol"] = 6
        records["remote_port"] = 1 + np.arange(count) % conversations
        records["since_ns"] = records["until_ns"] = SECOND
        records["bytes_sent"] = records["bytes_received"] = 1
        self.ring = np.concatenate((self.ring, records))
        emitted = self.ledger.records + count
        self.ledger = replace(self.ledger, records=emitted, bytes=2 * emitted)


class FakeProbe:
    """Stands in for agent.probe.Probe on a kernel that is kept."""

    def __init__(self, kernel: FakeKernel) -> None:
        self._kernel = kernel
        self.intervals: list[float] = []

    def start(self) -> None: ...
    def detach(self) -> None: ...
    def close(self) -> None: ...
    def flush(self, *, everything: bool = False) -> None: ...

    def set_interval(self, seconds: float) -> None:
        self.intervals.append(seconds)

    def drain(self) -> Records:
        taken, self._kernel.ring = self._kernel.ring, np.empty(0, RECORD)
        return taken

    def drain_answers(self) -> Records:
        taken, self._kernel.answers = self._kernel.answers, np.empty(0, ANSWER)
        return taken

    def ledger(self) -> Any:
        return self._kernel.ledger


class FakeCgroups(Cgroups):
    """A mount without cgroups."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def path(self, cgroup_id: int) -> None: ...


class FakeConntrack(Conntrack):
    """A node without connection tracking."""

    def start(self) -> None: ...


@dataclass
class FakeKafka:
    """A broker's log of flows, and apart from it that of names.

    `present`: whether it answers. `error`: what it says to every message.
    """

    log: list[Batch] = field(default_factory=list)
    names: list[Batch] = field(default_factory=list)
    present: bool = True
    error: int | None = None

    def deduplicated(self) -> list[Batch]:
        """The batches by the first of each number."""
        return list({(b.origin.agent, b.origin.sequence): b for b in reversed(self.log)}.values())

    def told(self) -> dict[str, Ledger]:
        """Each instance's ledger as of its last batch."""
        last = sorted(self.deduplicated(), key=lambda batch: batch.origin.sequence)
        return {batch.origin.agent: batch.origin.ledger for batch in last}


class FakeProducer:
    """Stands in for confluent_kafka.Producer."""

    def __init__(self, kafka: FakeKafka, settings: dict[str, Any], **_: Any) -> None:
        self._kafka = kafka
        self._settings = settings
        self._queue: list[tuple[str, bytes, Any, Callable[..., None]]] = []

    def __len__(self) -> int:
        return len(self._queue)

    def produce(
        self, topic: str, value: bytes, *, headers: Any, on_delivery: Any, **_: Any
    ) -> None:
        if len(value) > 1_000_000:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        self._queue.append((topic, value, headers, on_delivery))

    def poll(self, _: float) -> None:
        if not self._kafka.present:
            self._settings["error_cb"](KafkaError(KafkaError._ALL_BROKERS_DOWN))
            return
        queue, self._queue = self._queue, []
        for topic, value, headers, on_delivery in queue:
            if self._kafka.error is not None:
                on_delivery(KafkaError(self._kafka.error), None)
                continue
            if topic == "names":
                self._kafka.names.append(names.CODEC.decode(value, headers))
            else:
                self._kafka.log.append(decode(value, headers))
            on_delivery(None, None)

    def purge(self) -> None:
        queue, self._queue = self._queue, []
        for *_, on_delivery in queue:
            on_delivery(KafkaError(KafkaError._PURGE_QUEUE), None)
