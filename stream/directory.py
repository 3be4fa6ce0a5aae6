"""The newest record of each object, by uid, and claims on addresses for who asks as of a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from msgspec.structs import force_setattr

from stream import records
from stream.addresses import pack
from stream.inventory_topic import Change
from stream.records import Namespace, Network, Node, Object, Pod, Service, Slice

NANOSECONDS = 1_000_000
MOST_WORDS = 100_000
"""And two a pod; then those of long ago are let go."""


class Claims(Protocol):
    """Times are Unix nanoseconds; calls come in any order and repeatedly."""

    def claim(self, uid: str, address: bytes, since: int) -> None: ...

    def release(self, uid: str, until: int) -> None: ...


class Directory:
    """Pods, nodes and Services claim their addresses from their start on, and let go of them at
    their end. Records of objects that ended stay until the topic forgets them. Not for several
    threads at once."""

    def __init__(self, claims: Claims) -> None:
        self.pods: dict[str, Pod] = {}
        self.nodes: dict[str, Node] = {}
        self.services: dict[str, Service] = {}
        self.slices: dict[str, Slice] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.network: bytes | None = None
        self._claims = claims
        self._words: dict[str, str] = {}
        self._labels: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._kinds: dict[str, dict[str, Any]] = {
            "pod": self.pods,
            "node": self.nodes,
            "service": self.services,
            "slice": self.slices,
            "namespace": self.namespaces,
        }

    def apply(self, changes: Iterable[Change]) -> None:
        if len(self._words) > MOST_WORDS + 2 * len(self.pods):
            self._words.clear()
            self._labels.clear()
        for key, record, _ in changes:
            kind, _, uid = key.partition("/")
            if isinstance(record, Network):
                self.network = record.document
            elif record is None:
                self._kinds.get(kind, {}).pop(uid, None)
            elif isinstance(record, Object):
                known = self._kinds[kind].get(uid)
                self._kinds[kind][uid] = record
                self._share(record)
                self._claim(record, known)

    def _claim(self, record: Object, known: Object | None) -> None:
        uid = record.uid
        for address, since in _held(record):
            if known is None or (address, since) not in _held(known):
                self._claims.claim(uid, pack(address), since * NANOSECONDS)
        if record.ended and not (known and known.ended == record.ended):
            self._claims.release(uid, record.ended * NANOSECONDS)

    def _share(self, record: Object) -> None:
        """Thousands of pods have the same node, namespace, workload and labels: once each."""
        if isinstance(record, Pod):
            labels = tuple(record.labels.items())
            record.labels = self._labels.setdefault(labels, record.labels)
            record.namespace = self._word(record.namespace)
            record.node = self._word(record.node)
            record.workload = self._word(record.workload)
            record.workload_kind = self._word(record.workload_kind)
        elif isinstance(record, Slice):
            for endpoint in record.endpoints:
                force_setattr(endpoint, "node", self._word(endpoint.node))
                force_setattr(endpoint, "zone", self._word(endpoint.zone))
                if known := self.pods.get(endpoint.pod):
                    force_setattr(endpoint, "pod", known.uid)

    def _word(self, text: str) -> str:
        return self._words.setdefault(text, text)


def _held(record: Object) -> list[tuple[str, int]]:
    """Addresses, and since when, Unix ms."""
    match record:
        case records.Pod():
            return [(address, record.started or record.created) for address in record.addresses]
        case records.Node():
            return [(address, record.created) for address in record.addresses]
        case records.Service():
            return [
                (address, record.created)
                for address in (
                    *record.cluster_addresses,
                    *record.external_addresses,
                    *record.balancer_addresses,
                )
            ]
    return []
