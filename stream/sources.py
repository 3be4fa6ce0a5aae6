"""What addresses are resolved and traffic is priced by, followed as it changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from agent.wire import Batch
from stream import ip_ranges as ranges
from stream import vpc_endpoints
from stream.cluster import Cluster
from stream.cluster_topic import ClusterTopic
from stream.errors import MalformedNetworkError
from stream.files import Followed
from stream.inventory import Inventory
from stream.inventory import load as load_inventory
from stream.names_topic import NamesTopic
from stream.prefixes import SPECIAL, Prefix, Prefixes, site
from stream.resolve import Resolver
from stream.seen_names import SeenNames
from stream.settings import Settings
from stream.tariff import Tariff
from stream.tariff import of as tariff_of

log = logging.getLogger(__name__)

AUTO = "auto"
RECENT_SECONDS = 60.0
"""What is older was in the inventory long ago, or never will be."""
MOST_AWAITED = 100_000
STEP = 0.05
UPDATE_SECONDS = 10.0
"""How often the copy of ip-ranges.json is asked whether it is time to ask AWS."""


@dataclass
class Sources:
    """`read`, then `start`; `refresh` takes what has changed. ranges_copy: of ip-ranges.json, if
    it is fetched; on_prem: the site's own networks. tariff: the networks and prices. topic: of the
    cluster's objects, in the place of the file `inventory`."""

    inventory: Followed[Inventory]
    ip_ranges: Followed[list[Prefix]]
    ranges_copy: ranges.Copy | None = None
    on_prem: list[Prefix] = field(default_factory=list)
    tariff: Tariff = field(default_factory=lambda: tariff_of(Settings()))
    names: NamesTopic | None = None
    names_seconds: float = 0.0
    names_wait: float = 0.0
    cluster: Cluster = field(default_factory=Cluster)
    topic: ClusterTopic | None = None
    topic_seconds: float = 0.0
    topic_wait: float = 0.0
    _awaited: set[str] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Blocks for files. Raises MalformedFileError."""
        self.inventory.read()
        self._take_inventory()
        self.tariff.read()
        if self.ranges_copy is None:
            self.ip_ranges.read()

    def start(self, begin: float | None = None, patience: float | None = None) -> None:
        """begin: Unix time of the first row that will be resolved, instead of now. patience:
        seconds to wait for the inventory and for names of the past, instead of as set. Blocks for
        these, and for AWS if it is time to ask; what cannot be had is logged."""
        now = time.time()
        if self.topic:
            self.topic.start((begin or now) - self.topic_seconds)
        if self.names:
            self.names.start((begin or now) - self.names_seconds)
        if self.ranges_copy:
            self.ranges_copy.refresh()
            self.ip_ranges.refresh()
            threading.Thread(target=self._update, name="ip-ranges", daemon=True).start()
        if self.topic:
            self.topic.catch_up(patience or self.topic_wait)
            self._take_network()
        if self.names and not self.names.wait(now, patience or self.names_wait):
            log.warning("names of the past not all read yet, some addresses go without")

    def stop(self) -> None:
        self._stopping.set()
        if self.topic:
            self.topic.stop()
        if self.names:
            self.names.stop()

    @contextmanager
    def running(self, begin: float | None = None, patience: float | None = None) -> Iterator[None]:
        self.read()
        self.start(begin, patience)
        try:
            yield
        finally:
            self.stop()

    def refresh(self) -> bool:
        """Says whether a resolver has to be made anew; of the cluster it knows itself."""
        self._refresh_inventory()
        changed = [source.refresh() for source in (self.ip_ranges, self.tariff)]
        if self.names:
            self.names.take()
        if self.topic:
            self.topic.forget()
        return any(changed) | self._take_network()

    def wait(self, batches: Sequence[Batch], moment: float, patience: float) -> None:
        """For what tells of the addresses in batches that were sent by then (Unix seconds): for
        names, and once for each pod that the inventory does not know yet, though it is running."""
        if self.names:
            self.names.wait(moment, patience)
        if not len(self.cluster) or time.time() - moment > RECENT_SECONDS:
            return
        if self.topic and self.topic.stale:
            return
        known = self.cluster.pods
        unknown = {uid for uid in _pods(batches) - self._awaited if uid not in known}
        if len(self._awaited) > MOST_AWAITED:
            self._awaited.clear()
        self._awaited |= unknown
        deadline = time.monotonic() + patience
        while not unknown <= self.cluster.pods.keys() and time.monotonic() < deadline:
            time.sleep(STEP)
            self._refresh_inventory()

    def resolver(self) -> Resolver:
        return Resolver(
            self.cluster,
            Prefixes(self._prefixes()),
            self.names.seen if self.names else None,
        )

    def _refresh_inventory(self) -> None:
        if self.topic:
            self.topic.take()
        elif self.inventory.refresh():
            self._take_inventory()

    def _take_inventory(self) -> None:
        if not self.topic:
            self.cluster.take(self.inventory.content, time.time_ns())

    def _take_network(self) -> bool:
        """Says whether the topic told another."""
        network = self.topic.network if self.topic else None
        return network is not None and self.tariff.tell(network)

    def _prefixes(self) -> list[Prefix]:
        endpoints = vpc_endpoints.prefixes(self.tariff.network)
        return [*SPECIAL, *self.ip_ranges.content, *self.on_prem, *endpoints]

    def _update(self) -> None:
        """The network may be slow, and addresses are resolved meanwhile."""
        assert self.ranges_copy
        while not self._stopping.wait(UPDATE_SECONDS):
            self.ranges_copy.refresh()


def _pods(batches: Sequence[Batch]) -> set[str]:
    """Of the reporting sockets."""
    return {uid for batch in batches for uid in batch.column("pod_uid").dictionary.to_pylist()}


def of(settings: Settings) -> Sources:
    """Raises MalformedNetworkError."""
    labels = tuple(filter(None, settings.labels.split(",")))
    path, copy = settings.ip_ranges, None
    if path == AUTO or "://" in path:
        url = ranges.URL if path == AUTO else path
        copy = ranges.Copy(Path(settings.cache).expanduser(), url=url)
        path = str(copy.path)
    names = None
    if settings.names_topic:
        seen = SeenNames(settings.names_entries)
        names = NamesTopic(settings.kafka, settings.names_topic, seen)
    cluster, topic = Cluster(settings.inventory_hours * 3600), None
    if settings.inventory_topic and not settings.inventory:
        topic = ClusterTopic(settings.kafka, settings.inventory_topic, cluster, labels)
    no_ranges: list[Prefix] = []
    return Sources(
        Followed(settings.inventory, partial(load_inventory, labels=labels), Inventory()),
        Followed(path, ranges.read, no_ranges),
        copy,
        site(map(_network, filter(None, settings.on_prem.split(",")))),
        tariff_of(settings),
        names=names,
        cluster=cluster,
        topic=topic,
        topic_seconds=settings.inventory_hours * 3600,
        topic_wait=settings.inventory_wait_seconds,
        names_seconds=settings.names_hours * 3600,
        names_wait=settings.names_wait_seconds,
    )


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError as error:
        raise MalformedNetworkError(text, str(error)) from error
