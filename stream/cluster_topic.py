"""Topic `inventory`, brought into a cluster: all of it at the start, then as it changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from stream import records
from stream.cluster import Cluster
from stream.directory import Directory
from stream.inventory_topic import Change, InventoryReader, refuse
from stream.network import file
from stream.network.model import Network

log = logging.getLogger(__name__)

STEP = 0.05
TELL_SECONDS = 5.0
"""How often a start that takes long says how far it is."""
STALE_SECONDS = 60.0
"""The watcher says every ten seconds up to when the topic is complete."""


class ClusterTopic:
    """`start`, `catch_up`, then `take` now and then, by one thread, which may then use the cluster.
    A topic that is missing or cannot be read is logged and looked for again: the cluster stays as
    it was told last.

    network: the newest of the account's that the topic told and that could be read.
    """

    def __init__(
        self, brokers: str, topic: str, cluster: Cluster, labels: Sequence[str] = ()
    ) -> None:
        self._topic = topic
        self._cluster = cluster
        self._reader = InventoryReader(brokers, topic)
        self._directory = Directory(cluster, labels)
        self._document: Change | None = None
        self.network: Network | None = None

    def start(self, since: float) -> None:
        """since: Unix seconds; objects that were gone by then are not kept."""
        self._directory.since = int(since * 1000)
        self._reader.start()

    def stop(self) -> None:
        self._reader.stop()

    def catch_up(self, patience: float) -> None:
        """Take all that is there. Blocks for `patience` seconds at most, and not while the topic
        cannot be read; says what is missing then."""
        began, told = time.monotonic(), time.monotonic()
        while not (self._reader.caught_up or self._reader.away):
            self.take()
            now = time.monotonic()
            if now > began + patience:
                log.warning(
                    "inventory not all read yet, some addresses go without pods topic=%s "
                    "objects=%d seconds=%.0f",
                    *(self._topic, len(self._cluster), now - began),
                )
                return
            if now > told + TELL_SECONDS:
                told = now
                log.info("inventory being read objects=%d", len(self._cluster))
            time.sleep(0 if self._reader.waiting else STEP)
        if self._reader.away:
            return
        seconds = time.monotonic() - began
        log.info("inventory read objects=%d seconds=%.1f", len(self._cluster), seconds)
        if not self._cluster.records:
            log.warning(
                "inventory is empty, addresses go without pods: run `flowatlas inventory`, or give "
                "a file with --inventory topic=%s",
                self._topic,
            )
        elif self._reader.current and self.stale:
            log.warning(
                "inventory is old, what is new since goes without a name: see that `flowatlas "
                "inventory` runs topic=%s age_seconds=%.0f",
                *(self._topic, time.time() - self._reader.current / 1000),
            )

    def take(self) -> None:
        """Everything that was read so far. Raises what ended the reading for good."""
        while changes := self._reader.take():
            self._directory.apply(changes)
        self._directory.settle()
        self._read_network()

    def forget(self) -> None:
        """Let go of what went too long ago; for now and then."""
        self._cluster.forget(time.time_ns())

    @property
    def complete(self) -> bool:
        """Whether all that was there at the start is in the cluster."""
        return self._reader.caught_up

    @property
    def stale(self) -> bool:
        """Whether nobody keeps it, so that what is new is not to be waited for."""
        return self._reader.away or time.time() - self._reader.current / 1000 > STALE_SECONDS

    def _read_network(self) -> None:
        change = self._directory.network
        if change is None or change is self._document:
            return
        self._document = change
        assert isinstance(change.record, records.Network)
        try:
            self.network = file.parse(change.record.document)
        except ValueError as error:
            refuse(f"{change.key}: {error}", change.partition, change.offset)
