"""Which backend a connection to a Service's address has, for the flows of this node."""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent import ctnetlink, metrics
from agent.ctnetlink import Entries
from agent.ring import Records

log = logging.getLogger(__name__)

Array = NDArray[Any]

_EVENT_BYTES = 8 << 20
"""Room for the events of half a second at 10,000 translated connections a second."""

_TAKEN_AT_ONCE = 8192
"""Messages decoded together: 2 MB at the most."""

_KEPT = np.dtype(
    [
        ("connection", "u8"),
        ("service", "u8"),
        ("began", "f8"),
        ("ends", "f8"),
        ("backend_address", "V16"),
        ("backend_port", "u2"),
    ]
)
# Odd numbers with bits all over: a key's words times these add up to its hash.
_SPREAD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)


class Backends:
    """Backends by connection, as an array; 64-bit hashes stand for the connections.

    most: connections kept, 50 bytes each, and as much again while new ones are merged in. Over it
    go those that ended, then those that began first. linger_seconds: how long one that ended is
    kept, for the delta that its socket has yet to send.
    """

    def __init__(self, linger_seconds: float, most: int = 131_072) -> None:
        self._linger_seconds = linger_seconds
        self._most = most
        self._kept = np.empty(0, _KEPT)  # sorted by connection
        self._services = np.empty(0, "u8")  # theirs, sorted

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, entries: Entries, now: float) -> None:
        """Take in what conntrack says, the latest last; drop what ended long enough ago."""
        new = np.empty(len(entries), _KEPT)
        new["service"] = _services(
            entries["protocol"], entries["server_address"], entries["server_port"]
        )
        new["connection"] = _connections(
            new["service"], entries["client_address"], entries["client_port"]
        )
        new["began"] = now
        new["ends"] = np.where(entries["ended"], now + self._linger_seconds, np.inf)
        new["backend_address"] = entries["backend_address"]
        new["backend_port"] = entries["backend_port"]
        both = np.concatenate((new[::-1], self._kept))
        both = both[both["ends"] > now]
        _, latest = np.unique(both["connection"], return_index=True)
        if len(latest) > self._most:
            age = np.lexsort((both["began"][latest], both["ends"][latest]))
            latest = latest[np.sort(age[-self._most :])]
        self._kept = both[latest]
        self._services = np.unique(self._kept["service"])

    def doubt(self, now: float) -> None:
        """Events were lost: unless it is added again, a connection counts as ended."""
        self._kept["ends"] = np.minimum(self._kept["ends"], now + self._linger_seconds)

    def translate(self, records: Records) -> tuple[Array, Array]:
        """Each record's backend address and port, zeros where its peer is what it seems to be."""
        addresses, ports = np.zeros(len(records), "V16"), np.zeros(len(records), "u2")
        if not len(self._kept):
            return addresses, ports
        service = _services(records["protocol"], records["remote_address"], records["remote_port"])
        # Services are few: most records are told by them without a search among all connections.
        at = np.flatnonzero(_positions(self._services, service) >= 0)
        connection = _connections(
            service[at], records["local_address"][at], records["local_port"][at]
        )
        position = _positions(self._kept["connection"], connection)
        at, position = at[position >= 0], position[position >= 0]
        addresses[at] = self._kept["backend_address"][position]
        ports[at] = self._kept["backend_port"][position]
        return addresses, ports


class Conntrack:
    """Follows conntrack of one network namespace, "" being this process's own.

    It costs no thread: poll() as often as convenient. Where the kernel does not permit it, nothing
    is translated, the log says why, once, and the gauge `conntrack_up` is 0.
    """

    def __init__(
        self,
        namespace: str,
        linger_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._namespace = namespace
        self._backends = Backends(linger_seconds)
        self._clock = clock
        self._events: socket.socket | None = None
        self._waiting: list[bytes] = []

    def start(self) -> None:
        """Subscribe, then take in what is there: nothing falls in between. Raises HostError."""
        try:
            self._events = ctnetlink.subscribe(self._namespace, _EVENT_BYTES)
            self._take(ctnetlink.dump(self._namespace))
            self._merge()
        except OSError as error:
            self.stop()
            log.warning("conntrack not readable reason=%s: Services stay untranslated", error)
            return
        metrics.CONNTRACK_UP.set(1)

    def poll(self) -> None:
        """Take in the events that wait; never blocks, but for a new dump if events were lost."""
        if self._events is None:
            return
        try:
            self._take(ctnetlink.events(self._events))
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            metrics.CONNTRACK_OVERRUNS.inc()
            self._merge()
            self._backends.doubt(self._clock())
            self._take(ctnetlink.dump(self._namespace))

    def translate(self, records: Records) -> tuple[Array, Array]:
        """As Backends.translate, with what the kernel said until now."""
        self.poll()
        self._merge()
        return self._backends.translate(records)

    def stop(self) -> None:
        """Unsubscribe."""
        metrics.CONNTRACK_UP.set(0)
        if self._events:
            self._events.close()
            self._events = None

    def _take(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            self._waiting.append(message)
            if len(self._waiting) == _TAKEN_AT_ONCE:
                self._merge()

    def _merge(self) -> None:
        """Few merges of many: each goes over the whole table."""
        if self._waiting:
            self._backends.add(ctnetlink.decode(self._waiting), self._clock())
            self._waiting.clear()
        metrics.CONNTRACK_ENTRIES.set(len(self._backends))


def _services(protocol: Array, address: Array, port: Array) -> Array:
    small = port.astype("u8") | protocol.astype("u8") << np.uint64(16)
    return _mix(*_halves(address), small)


def _connections(services: Array, client_address: Array, client_port: Array) -> Array:
    return _mix(*_halves(client_address), client_port.astype("u8"), services)


def _mix(*words: Array) -> Array:
    mixed: Array = np.zeros(len(words[0]), "u8")
    for word, odd in zip(words, _SPREAD, strict=False):
        mixed += word * np.uint64(odd)
    mixed ^= mixed >> np.uint64(29)
    return mixed


def _halves(addresses: Array) -> tuple[Array, Array]:
    pair = np.ascontiguousarray(addresses).view("u8").reshape(-1, 2)
    return pair[:, 0], pair[:, 1]


def _positions(ordered: Array, wanted: Array) -> Array:
    """Where each wanted value is in the sorted array, -1 if it is not."""
    position = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    found: Array = np.where(ordered[position] == wanted, position, -1)
    return found
