"""The cluster as it was at any time: who had which address when, and what is known of them.

Fed by whole inventories or by single objects; what vanishes is kept for rows that come late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.asof import Claims
from stream.inventory import Frontend, Inventory, Node, Pod, Service

Array = NDArray[Any]
Record = Pod | Node | Service

FrontendKey = tuple[bytes | None, int, int]

NOBODY = -1
AT_LAST = 2**62
WITHIN = 1_000_000_000
"""Kubernetes tells when an object began in whole seconds: what is gone and began earlier than this
before its end is the one that went, and otherwise has come back."""
LITTLE = 10_000
"""Records to let go of, below which that is not worth finding all endpoints anew."""


class Cluster:
    """For one thread. A record is an object as it was told once; changed, it is another record.

    records: all of them by number. pods: by key, the numbers of their records, also of those that
    are gone. nodes: the last of each name. frontends: those that there are now, by address (None:
    every node's), port and protocol. epoch counts how often numbers of records, or what pods take
    from their nodes, became void; edition how often frontends changed.
    """

    def __init__(self, keep_seconds: float = 6 * 3600.0) -> None:
        """keep_seconds: how long what is gone is kept for rows that come late."""
        self.records: list[Record] = []
        self.pods: dict[str, int] = {}
        self.nodes: dict[str, Node] = {}
        self.frontends: dict[FrontendKey, Frontend] = {}
        self.epoch = self.edition = 0
        self._keep = int(keep_seconds * 1e9)
        self._claims = Claims()
        self._current: dict[str, Record] = {}
        self._gone: dict[str, int] = {}
        self._returned: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], int] = {}
        self._ways_in: dict[str, dict[FrontendKey, Frontend]] = {}
        self._record_of = np.zeros(0, "i8")
        self._doors = np.zeros(0, bool)

    def __len__(self) -> int:
        """Objects that are there."""
        return len(self._current)

    def take(self, inventory: Inventory, now: int) -> None:
        """All that there is now (Unix ns); what was there and is not in it has just gone."""
        every: list[Record] = [*inventory.nodes, *inventory.pods, *inventory.services]
        told = {record.key: record for record in every}
        self.remove({key: now for key in self._current if key not in told})
        self.put(record for key, record in told.items() if record != self._current.get(key))
        frontends = {(f.address, f.port, f.protocol): f for f in inventory.frontends}
        if frontends != self.frontends:
            self.frontends = frontends
            self.edition += 1
        self.forget(now)

    def tell(self, told: Iterable[tuple[str, Record | None, int]]) -> None:
        """Objects one by one: key, what it is (None if that is no longer told), and when it went
        (Unix ns), 0 while it is there. What was told before changes nothing."""
        new: list[Record] = []
        last: dict[str, Record] = {}
        ends: dict[str, int] = {}
        for key, record, end in told:
            known = last.get(key) or self._current.get(key)
            if key in ends or (known is None and key in self._gone):
                went = ends.get(key) or self._gone[key]
                if end or record is None or record.since + WITHIN < went:
                    continue
                self.put(new)
                self.remove(ends)
                new, last, ends, known = [], {}, {}, None
            if known is None and record is None:
                continue
            if record is not None and record != known:
                new.append(record)
                last[key] = record
            if end:
                ends[key] = end
        self.put(new)
        self.remove(ends)

    def lead(self, service: str, frontends: Sequence[Frontend]) -> bool:
        """These are the ways into a Service now; says whether they are others than before. Who
        tells that here sees to `edition`."""
        found = {(front.address, front.port, front.protocol): front for front in frontends}
        before = self._ways_in.get(service, {})
        if found == before:
            return False
        for key in before.keys() - found.keys():
            if self.frontends.get(key) is before[key]:
                del self.frontends[key]
        self.frontends |= found
        self._ways_in[service] = found
        if not found:
            del self._ways_in[service]
        return True

    def put(self, records: Iterable[Record]) -> None:
        """New objects, and those that changed."""
        owners = []
        first = len(self.records)
        for record in records:
            owners.append(self._owner(record))
            for address in record.addresses:
                self._claims.claim(owners[-1], address, self._since(record))
            self._current[record.key] = record
            if isinstance(record, Pod):
                self.pods[record.key] = len(self.records)
                self._by_name[record.namespace, record.name] = len(self.records)
                if record.until:
                    self._claims.release(owners[-1], record.until)
            elif isinstance(record, Node):
                self.epoch += record.name in self.nodes
                self.nodes[record.name] = record
            self.records.append(record)
        if owners:
            numbers = self._claims.owners(owners)
            grown = np.full(int(numbers.max()) + 1, NOBODY)
            grown[: len(self._record_of)] = self._record_of[: len(grown)]
            self._record_of = np.concatenate([grown, self._record_of[len(grown) :]])
            self._record_of[numbers] = np.arange(first, len(self.records))
            doors = [not isinstance(record, Pod) for record in self.records[first:]]
            self._doors = np.append(self._doors, doors)

    def remove(self, ends: Mapping[str, int]) -> None:
        """Objects that are gone, by key when they went (Unix ns)."""
        for key, at in ends.items():
            del self._current[key]
            self._claims.release(self._returned.get(key, key), at)
            self._gone[key] = at

    def pod(self, namespace: str, name: str) -> Pod | None:
        """By its uid, or the last one of that name."""
        number = self.pods.get(name, self._by_name.get((namespace, name)))
        record = None if number is None else self.records[number]
        return record if isinstance(record, Pod) else None

    def places(self, addresses: Array) -> Array:
        """Numbers of addresses (V16), for `at` and `holders`."""
        return self._claims.places(addresses)

    def at(self, places: Array, times: Array) -> Array:
        """Numbers of the records of who had the addresses at times (Unix ns); NOBODY."""
        return self._records(self._claims.at(places, times))

    def now(self, address: bytes) -> int:
        """As `at`, of whoever has the address at last."""
        place = self._claims.places(np.frombuffer(address, "V16"))
        (number,) = self.at(place, np.full(1, AT_LAST)).tolist()
        return int(number)

    def holders(self, places: Array, begin: int, end: int) -> tuple[Array, Array]:
        """As `at`, from begin to end, and whether it was the same all that time."""
        owners, steady = self._claims.holders(places, begin, end)
        return self._records(owners), steady

    def doors(self, numbers: Array) -> Array:
        """Of numbers of records, whether it is a node or a Service: pods may stand behind."""
        found: Array = np.append(self._doors, False)[numbers]
        return found

    def _records(self, owners: Array) -> Array:
        found: Array = np.append(self._record_of, NOBODY)[owners]
        return found

    def _owner(self, record: Record) -> str:
        """What is gone is gone for good: who comes back is somebody else."""
        if record.key in self._gone:
            self._returned[record.key] = f"{record.key}@{self._gone[record.key]}"
        return self._returned.get(record.key, record.key)

    def _since(self, record: Record) -> int:
        return max(record.since, self._gone.get(record.key, 0))

    def forget(self, now: int) -> None:
        """Let go of what went too long ago (now: Unix ns), once that is much."""
        if len(self._gone) < LITTLE:
            return
        before = now - self._keep
        old = [key for key, at in self._gone.items() if at <= before and key not in self._current]
        if len(old) < LITTLE:
            return
        self._record_of = self._record_of[self._claims.forget(before)]
        for key in old:
            del self._gone[key]
            self.pods.pop(key, None)
            self._returned.pop(key, None)
        used, numbers = np.unique(self._record_of, return_inverse=True)
        new = dict(zip(used.tolist(), range(len(used)), strict=True))
        self.records = [self.records[number] for number in used]
        self._doors = self._doors[used]
        self._record_of = numbers.astype("i8")
        self.pods = {key: new[number] for key, number in self.pods.items() if number in new}
        self._by_name = {key: new[n] for key, n in self._by_name.items() if n in new}
        self.epoch += 1
