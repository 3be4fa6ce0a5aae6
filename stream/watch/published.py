"""What the topic holds: only what differs is published, and what is gone stays for a while."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import TypeVar

from stream import records
from stream.records import KINDS, Object
from stream.watch import metrics

T = TypeVar("T", bound=Object)
Publish = Callable[[str, bytes | None], None]
"""Takes key and value, None for a tombstone; may block."""


class Published:
    """The values of objects that are there, the ends of those that are not. Begun with what the
    topic holds, so that neither a restart nor a second watcher publishes anything anew.

    Two watchers at once do no harm: values depend on the objects alone, and each writes the last
    state of every object last. Not for several threads at once.
    """

    def __init__(self, publish: Publish, retention_ms: int) -> None:
        self._publish = publish
        self._retention = retention_ms
        self._values: dict[str, dict[str, bytes]] = {kind: {} for kind in KINDS.values()}
        self._ended: dict[str, int] = {}
        self._ends: list[tuple[int, str]] = []

    def load(self, key: str, value: bytes | None) -> None:
        """A message of the topic, before anything else."""
        kind, _, uid = key.partition("/")
        if kind not in self._values:
            return
        if value is None:
            self._values[kind].pop(uid, None)
        else:
            self._values[kind][uid] = value

    def uids(self, kind: type[Object]) -> Iterable[str]:
        """Of objects that are there."""
        return self._values[KINDS[kind]].keys()

    def get(self, kind: type[T], uid: str) -> T | None:
        name = KINDS[kind]
        value = self._values[name].get(uid)
        if value is None:
            return None
        try:
            record = records.decode(f"{name}/{uid}", value)
        except records.MalformedRecordError:
            return None
        assert isinstance(record, kind)
        return record

    def put(self, record: Object) -> None:
        """The object as it is. An end once told stays as it was told first."""
        kind = KINDS[type(record)]
        if record.ended and (known := self.get(type(record), record.uid)) and known.ended:
            record.ended = known.ended
        value = records.encode(record)
        if self._values[kind].get(record.uid) == value:
            metrics.unchanged.labels(kind).inc()
            return
        self._values[kind][record.uid] = value
        self._ended.pop(f"{kind}/{record.uid}", None)
        metrics.objects.labels(kind).set(len(self._values[kind]))
        self._send(kind, f"{kind}/{record.uid}", value)

    def end(self, kind: type[Object], uid: str, ended: int) -> None:
        """The object is gone, at `ended` if not before. Of what was never published nothing is."""
        record = self.get(kind, uid)
        name = KINDS[kind]
        known = self._values[name].pop(uid, None)
        if known is None:
            return
        key = f"{name}/{uid}"
        metrics.objects.labels(name).set(len(self._values[name]))
        if record is None:
            self._send(name, key, None)
            return
        if not record.ended:
            record.ended = ended
            self._send(name, key, records.encode(record))
        self._ended[key] = record.ended
        heapq.heappush(self._ends, (record.ended + self._retention, key))
        metrics.ended.set(len(self._ended))

    def expire(self, now: int) -> None:
        """Let the topic forget what ended longer ago than the retention."""
        while self._ends and self._ends[0][0] <= now:
            due, key = heapq.heappop(self._ends)
            if self._ended.get(key) == due - self._retention:
                del self._ended[key]
                self._send(key.partition("/")[0], key, None)
        metrics.ended.set(len(self._ended))

    def _send(self, kind: str, key: str, value: bytes | None) -> None:
        self._publish(key, value)
        metrics.published.labels(kind).inc()
