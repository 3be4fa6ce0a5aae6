"""Topic `inventory` as a test looks at it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stream.inventory_topic import Change
from stream.records import Namespace, Network, Node, Pod, Service, Slice


class Held:
    """The newest record of each object, by uid, until the topic forgets it."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.nodes: dict[str, Node] = {}
        self.services: dict[str, Service] = {}
        self.slices: dict[str, Slice] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.network: bytes | None = None

    def apply(self, changes: Iterable[Change]) -> None:
        for change in changes:
            kind, _, uid = change.key.partition("/")
            if isinstance(change.record, Network):
                self.network = change.record.document
                continue
            held: dict[str, Any] = getattr(self, f"{kind}s")
            if change.record is None:
                held.pop(uid, None)
            else:
                held[uid] = change.record
