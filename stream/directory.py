"""What topic `inventory` tells, brought into a cluster as it was at any time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from agent.wire import Protocol
from stream import inventory, inventory_metrics, records
from stream.addresses import pack
from stream.cluster import Cluster, Record
from stream.documents import MisfitError
from stream.inventory import Backend, Frontend
from stream.inventory_topic import Change, refuse
from stream.records import KINDS, ServicePort, SlicePort

MILLISECOND = 1_000_000
MOST_WORDS = 100_000
"""And two a pod; then those of long ago are let go."""
MOST_AWAITED = 100_000
FRONTENDS_SECONDS = 10.0
"""How often those who resolve look anew at what stands behind Services. Of 5,000 with 20 pods each
that takes them 0.6 s, and in such a cluster something changes all the time."""


class Told(NamedTuple):
    """As Cluster.tell takes it."""

    key: str
    record: Record | None
    end: int


class Slice(NamedTuple):
    """`service` is "namespace/name"; `ends` are addresses of ready endpoints and uids of pods."""

    service: str
    namespace: str
    ports: tuple[SlicePort, ...]
    ends: tuple[tuple[bytes, str], ...]


class Directory:
    """Changes come in any order of objects, and repeatedly. Objects that end are gone from then
    on; what of them is needed for rows that come late, the cluster keeps. Not for several threads.

    labels: those of pods that are kept. since: Unix ms; what ended before is passed over.
    network: the change that told the account's network last.
    """

    def __init__(self, cluster: Cluster, labels: Sequence[str] = (), since: int = 0) -> None:
        self.since = since
        self.network: Change | None = None
        self._cluster = cluster
        self._labels = labels
        self._there: dict[str, set[str]] = {kind: set() for kind in KINDS.values()}
        self._node_names: set[str] = set()
        self._services: dict[str, tuple[inventory.Service, tuple[ServicePort, ...]]] = {}
        self._uid_of: dict[str, str] = {}
        self._slices: dict[str, Slice] = {}
        self._slices_of: defaultdict[str, set[str]] = defaultdict(set)
        self._awaited: set[str] = set()
        self._words: dict[str, str] = {}
        self._label_sets: dict[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = {}
        self._changed = False
        self._looked = float("-inf")

    def apply(self, changes: Iterable[Change]) -> None:
        """A record that does not fit is told, and the last one of its object stays."""
        if len(self._words) > MOST_WORDS + 2 * len(self._cluster):
            self._words.clear()
            self._label_sets.clear()
        told: list[Told] = []
        ways: set[str] = set()
        for change in changes:
            try:
                told += self._read(change, ways)
            except MisfitError as error:
                refuse(f"{change.key}: {error}", change.partition, change.offset)
        self._cluster.tell(told)
        if len(self._awaited) > MOST_AWAITED:
            self._awaited.clear()
        came = self._awaited.intersection(one.key for one in told)
        self._awaited -= came
        self._changed |= bool(came)
        for service in ways:
            self._changed |= self._cluster.lead(service, list(self._frontends(service)))
        for kind, there in self._there.items():
            inventory_metrics.objects.labels(kind).set(len(there))

    def settle(self) -> None:
        """Let those who resolve know of changed Services, if it is time."""
        if self._changed and time.monotonic() >= self._looked + FRONTENDS_SECONDS:
            self._cluster.edition += 1
            self._changed, self._looked = False, time.monotonic()

    def _read(self, change: Change, ways: set[str]) -> Iterator[Told]:
        """What the cluster is to be told. ways: Services whose ways in are others now."""
        kind, _, uid = change.key.partition("/")
        record = change.record
        if isinstance(record, records.Network):
            self.network = change
        if kind not in self._there:
            return
        ended = record.ended if isinstance(record, records.Object) else max(1, change.time)
        if 0 < ended < self.since and uid not in self._there[kind]:
            return
        end = ended * MILLISECOND
        match record:
            case records.Pod():
                yield Told(uid, self._pod(record), end)
            case records.Node():
                yield from self._node(change.key, record, end)
            case records.Service():
                yield self._service(record, end, ways)
            case records.Slice():
                self._put_slice(uid, None if end else _slice(record), ways)
            case None if kind == "service":
                if found := self._drop_service(uid, ways):
                    yield Told(found.key, None, end)
            case None if kind == "slice":
                self._put_slice(uid, None, ways)
            case None:
                yield Told(uid if kind == "pod" else change.key, None, end)
        (self._there[kind].discard if end else self._there[kind].add)(uid)

    def _pod(self, pod: records.Pod) -> inventory.Pod:
        own = pod.labels
        labels = tuple((name, own[name]) for name in self._labels if name in own)
        return inventory.Pod(
            self._word(pod.namespace),
            pod.name,
            self._word(pod.workload),
            self._word(pod.workload_kind),
            self._word(pod.node),
            _packed("addresses", pod.addresses),
            pod.uid,
            self._label_sets.setdefault(labels, labels),
            (pod.started or pod.created) * MILLISECOND,
        )

    def _node(self, key: str, node: records.Node, end: int) -> Iterator[Told]:
        """An instance that took another's name is not undone by the other's end, told late."""
        if end and node.name in self._node_names and node.uid not in self._there["node"]:
            return
        self._node_names.add(node.name)
        found = inventory.Node(
            self._word(node.name),
            self._word(node.zone),
            self._word(node.region),
            _packed("addresses", node.addresses),
            self._word(node.zone_id),
            node.uid,
            node.created * MILLISECOND,
        )
        yield Told(key, found, end)

    def _service(self, service: records.Service, end: int, ways: set[str]) -> Told:
        name = f"{service.namespace}/{service.name}"
        found = inventory.Service(name, _reached_at(service), service.created * MILLISECOND)
        if end:
            self._drop_service(service.uid, ways)
        else:
            self._services[service.uid] = found, service.ports
            self._uid_of[name] = service.uid
            ways.add(name)
        return Told(found.key, found, end)

    def _drop_service(self, uid: str, ways: set[str]) -> inventory.Service | None:
        found, _ = self._services.pop(uid, (None, ()))
        if found and self._uid_of[found.name] == uid:
            del self._uid_of[found.name]
            ways.add(found.name)
        return found

    def _put_slice(self, uid: str, found: Slice | None, ways: set[str]) -> None:
        if before := self._slices.pop(uid, None):
            self._slices_of[before.service].discard(uid)
            ways.add(before.service)
        if found:
            self._slices[uid] = found
            self._slices_of[found.service].add(uid)
            ways.add(found.service)

    def _frontends(self, name: str) -> Iterator[Frontend]:
        """The same ways in as inventory.load finds."""
        if name not in self._uid_of:
            return
        service, ports = self._services[self._uid_of[name]]
        slices = [self._slices[uid] for uid in sorted(self._slices_of[name])]
        for port in ports:
            protocol = _protocol(port.protocol)
            behind = tuple(
                Backend(address, target.port, each.namespace, pod)
                for each in slices
                for target in each.ports
                if (target.name, target.protocol) == (port.name, port.protocol)
                for address, pod in each.ends
            )
            pods = self._cluster.pods
            self._awaited |= {end.pod for end in behind if end.pod and end.pod not in pods}
            for address in service.addresses:
                yield Frontend(address, port.port, protocol, name, behind)
            if port.node_port:
                yield Frontend(None, port.node_port, protocol, name, behind)

    def _word(self, text: str) -> str:
        """Thousands of pods have the same: once in memory."""
        return self._words.setdefault(text, text)


def _slice(each: records.Slice) -> Slice:
    ends = [
        (address, end.pod)
        for end in each.endpoints
        if end.ready
        for address in _packed("endpoints.addresses", end.addresses)
    ]
    service = f"{each.namespace}/{each.service}"
    return Slice(service, each.namespace, each.ports, tuple(ends))


def _reached_at(service: records.Service) -> tuple[bytes, ...]:
    """Its addresses, each once."""
    found = [
        address
        for field in ("cluster_addresses", "external_addresses", "balancer_addresses")
        for address in _packed(field, getattr(service, field))
    ]
    return tuple(dict.fromkeys(found))


def _packed(field: str, texts: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(_pack(field, text) for text in texts)


def _pack(field: str, text: str) -> bytes:
    try:
        return pack(text)
    except ValueError as error:
        raise MisfitError(field, f"is not an IP address: {text!r}") from error


def _protocol(name: str) -> int:
    """The IANA number; 0 for a protocol that no agent observes (SCTP)."""
    return int(Protocol.__members__.get(name, 0))
