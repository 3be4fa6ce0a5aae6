"""The cluster as the API tells it, object by object, becomes records."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from threading import Lock
from typing import Any

import msgspec

from stream import records
from stream.records import Object
from stream.watch import metrics, resources
from stream.watch.convert import Converter, MisfitError, finished, uid_of
from stream.watch.published import Published
from stream.watch.resources import OWNERS, PODS, Resource
from stream.watch.workload import Owners, Workload

log = logging.getLogger(__name__)

RECORDS: dict[Resource, type[Object]] = {
    resources.NODES: records.Node,
    PODS: records.Pod,
    resources.SERVICES: records.Service,
    resources.SLICES: records.Slice,
    resources.NAMESPACES: records.Namespace,
}


class _Name(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""


class _Named(msgspec.Struct):
    metadata: _Name


def unix_ms() -> int:
    return time.time_ns() // 1_000_000


class Cluster:
    """Told by several threads, one a resource. An object that cannot be read is logged and counted,
    and what was last known of it stays."""

    def __init__(
        self, published: Published, converter: Converter, clock: Callable[[], int] = unix_ms
    ) -> None:
        self._published = published
        self._convert: dict[Resource, Callable[[Any], Object | None]] = {
            resources.NODES: converter.node,
            resources.SERVICES: converter.service,
            resources.SLICES: converter.slice,
            resources.NAMESPACES: converter.namespace,
        }
        self._convert_pod = converter.pod
        self._clock = clock
        self._lock = Lock()
        self._owners = Owners()

    def put(self, resource: Resource, raw: msgspec.Raw) -> str:
        """An object listed, ADDED or MODIFIED. Returns its uid, as retain() wants it."""
        item = self._read(resource, raw)
        if item is None:
            return _named(raw).uid
        with self._lock:
            try:
                self._put(resource, item)
            except MisfitError as error:
                self._complain(resource, raw, error)
        return _uid(resource, item)

    def remove(self, resource: Resource, raw: msgspec.Raw) -> None:
        """An object DELETED, as it was last."""
        item, now = self._read(resource, raw), self._clock()
        uid = _uid(resource, item) if item else _named(raw).uid
        ended = finished(item.status, now) if item and resource is PODS else now
        with self._lock:
            self._remove(resource, uid, ended)

    def retain(self, resource: Resource, uids: Collection[str]) -> None:
        """These are all there are: the others went while nobody watched."""
        with self._lock:
            if resource in OWNERS:
                known = self._owners.uids(resource.kind)
            else:
                known = list(self._published.uids(RECORDS[resource]))
            now = self._clock()
            for uid in known:
                if uid not in uids:
                    self._remove(resource, uid, now)

    def expire(self) -> None:
        """Forget what ended long ago; for now and then."""
        with self._lock:
            self._published.expire(self._clock())

    def _put(self, resource: Resource, item: Any) -> None:
        if resource in OWNERS:
            if self._owners.put(resource.kind, item):
                self._rename(item.metadata.uid, resource.kind)
            return
        if resource is PODS:
            uid = uid_of(item)
            workload = self._owners.of(uid, item, lambda: self._known(uid))
            record: Object | None = self._convert_pod(item, workload, self._clock())
        else:
            record = self._convert[resource](item)
        if record is not None:
            self._published.put(record)

    def _remove(self, resource: Resource, uid: str, ended: int) -> None:
        if resource in OWNERS:
            self._owners.drop(resource.kind, uid)
            return
        if resource is PODS:
            self._owners.forget_pod(uid)
        self._published.end(RECORDS[resource], uid, ended)

    def _known(self, uid: str) -> Workload | None:
        pod = self._published.get(records.Pod, uid)
        return Workload(pod.workload, pod.workload_kind) if pod else None

    def _rename(self, owner: str, kind: str) -> None:
        """Pods that came before their controller was known, or that it took along elsewhere."""
        for uid in self._owners.pods_of(owner):
            pod = self._published.get(records.Pod, uid)
            if pod:
                pod.workload, pod.workload_kind = self._owners.workload(kind, owner)
                self._published.put(pod)

    def _read(self, resource: Resource, raw: msgspec.Raw) -> Any:
        try:
            return resource.decoder.decode(raw)
        except msgspec.DecodeError as error:
            self._complain(resource, raw, error)
            return None

    @staticmethod
    def _complain(resource: Resource, raw: msgspec.Raw, error: Exception) -> None:
        named = _named(raw)
        metrics.misfits.labels(resource.name).inc()
        log.error(
            "object not used, its last state stays object=%s/%s/%s: %s",
            *(resource.kind, named.namespace, named.name, error),
        )


def _uid(resource: Resource, item: Any) -> str:
    uid: str = uid_of(item) if resource is PODS else item.metadata.uid
    return uid


def _named(raw: msgspec.Raw) -> _Name:
    try:
        return msgspec.json.decode(raw, type=_Named).metadata
    except msgspec.DecodeError:
        return _Name()
