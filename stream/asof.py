"""Who had an address at a time. Pod addresses are used again and again, within seconds."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.keys import Keys
from stream.timelines import LATEST, NONE, Timelines, ticks

Array = NDArray[Any]

NOBODY = -1
CHUNK = 1 << 15
"""Rows looked up at once: what is made of them on the way stays in the processor's cache."""


class Claims:
    """Which pod, node or Service held which address from when to when, by its UID.

    Owners are numbered from 0 on, in the order in which their UIDs first came. Events may come in
    any order and any number of times: an owner's claim on an address begins at the earliest time
    told, and all of its claims end at the earliest end told. Where several hold an address at a
    time, the one whose claim began last has it (of equals, the owner that came last): the others
    are on their way out. An owner need not claim anything: pods on their host's network are
    found by UID only.

    Times are Unix nanoseconds, kept as milliseconds; a claim holds from its beginning up to, and
    not including, its end. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._owners = Keys(2)
        self._addresses = Keys(2)
        self._until = np.full(1 << 10, LATEST, "i8")
        self._claims = Timelines("i4")
        self._latest = np.zeros(0, "i8")
        self._claimed: list[tuple[str, bytes, int]] = []
        self._released: list[tuple[str, int]] = []

    def __len__(self) -> int:
        """Owners known."""
        self._settle()
        return len(self._owners)

    @property
    def nbytes(self) -> int:
        held = (self._owners, self._addresses, self._until, self._claims, self._latest)
        return sum(part.nbytes for part in held)

    def claim(self, uid: str, address: bytes, since: int) -> None:
        """The owner has the address, 16 bytes, from `since` on."""
        self._claimed.append((uid, address, since))

    def release(self, uid: str, until: int) -> None:
        """The owner is gone at `until`, and with it its claims, also those told later."""
        self._released.append((uid, until))

    def owners(self, uids: Sequence[str]) -> Array:
        """The numbers of owners, new ones for those never heard of."""
        self._settle()
        return self._number(uids)

    def by_uid(self, uids: Sequence[str]) -> Array:
        """The numbers of owners, NOBODY for those never heard of. Not as of a time: a UID is one
        object's for ever."""
        self._settle()
        return self._owners.find(digests(uids))

    def lookup(self, addresses: Array, times: Array) -> Array:
        """Owners (i8) that had the addresses (V16) at the times, NOBODY where nobody had."""
        return self.at(self.places(addresses), times)

    def places(self, addresses: Array) -> Array:
        """Numbers of addresses for at(), for those that come with more than one time."""
        self._settle()
        return self._addresses.find(addresses)

    def at(self, places: Array, times: Array) -> Array:
        """As lookup(), by places()."""
        owners = np.empty(len(places), "i8")
        for start in range(0, len(places), CHUNK):
            chunk = slice(start, start + CHUNK)
            owners[chunk] = self._at(places[chunk], ticks(times[chunk]))
        return owners

    def holders(self, places: Array, begin: int, end: int) -> tuple[Array, Array]:
        """Owners at `begin`, and of which addresses they were so until `end`."""
        first, last = (ticks(np.full(len(places), moment)) for moment in (begin, end))
        owners = self._at(places, first)
        # Who began before, and had ended by the beginning, does not come back.
        steady = self._claims.last(places, first) == self._claims.last(places, last)
        steady &= self._at(places, last) == owners
        return owners, steady

    def forget(self, before: int) -> Array:
        """Let go of owners that were gone by then. Returns the former numbers of those that stay,
        in the order of their new ones; numbers and places given out so far are void."""
        self._settle()
        limit = ticks(before)
        stay = self._until[: len(self._owners)] > limit
        kept = np.flatnonzero(stay)
        (owners,) = self._claims.columns
        self._owners.keep(kept)
        chosen = np.flatnonzero(stay[owners])
        groups, renumbered = np.unique(self._claims.groups[chosen], return_inverse=True)
        self._addresses.keep(groups)
        self._claims.keep(chosen, renumbered)
        numbers = np.cumsum(stay) - 1
        self._claims.columns[0] = numbers[self._claims.columns[0]].astype("i4")
        self._until = np.concatenate([self._until[kept], np.full(1 << 10, LATEST, "i8")])
        self._index()
        return kept

    def _at(self, places: Array, times: Array) -> Array:
        (holders,) = self._claims.columns
        if not len(holders):
            return np.full(len(places), NOBODY, "i8")
        position = self._claims.last(places, times)
        held = (self._latest.take(position) > times) & (position != NONE)
        owners = np.where(held, holders.take(position), NOBODY).astype("i8")
        # The youngest claim may have ended where an older one has not.
        astray = np.flatnonzero(held & (self._until.take(owners) <= times))
        while astray.size:
            position[astray] -= 1
            older = holders.take(position.take(astray))
            owners[astray] = older
            astray = astray.take(np.flatnonzero(self._until.take(older) <= times.take(astray)))
        return owners

    def _settle(self) -> None:
        """Bring in what was told since."""
        if self._claimed:
            claimed, self._claimed = self._claimed, []
            uids, addresses, since = zip(*claimed, strict=True)
            places = self._addresses.add(np.frombuffer(b"".join(addresses), "u8"))
            self._rewrite(places, ticks(np.array(since)), self._number(uids))
        if self._released:
            released, self._released = self._released, []
            uids, until = zip(*released, strict=True)
            np.minimum.at(self._until, self._number(uids), ticks(np.array(until)))
            self._index()

    def _number(self, uids: Sequence[str]) -> Array:
        numbers = self._owners.add(digests(uids))
        if len(self._owners) > len(self._until):
            more = np.full(2 * len(self._owners) - len(self._until), LATEST, "i8")
            self._until = np.concatenate([self._until, more])
        return numbers

    def _rewrite(self, groups: Array, times: Array, owners: Array) -> None:
        """The timelines of some addresses with these claims added, the earliest of each owner."""
        positions = self._claims.of(np.unique(groups))
        groups = np.concatenate([groups, self._claims.groups[positions]])
        times = np.concatenate([times, self._claims.times[positions]])
        owners = np.concatenate([owners, self._claims.columns[0][positions]])
        order = np.lexsort((times, owners, groups))
        same = (np.diff(groups[order]) == 0) & (np.diff(owners[order]) == 0)
        earliest = order[np.concatenate([[True], ~same])]
        others = np.ones(len(self._claims), bool)
        others[positions] = False
        self._claims.keep(others)
        self._claims.add(groups[earliest], times[earliest], owners[earliest])
        self._index()

    def _index(self) -> None:
        self._latest = self._claims.latest(self._until[self._claims.columns[0]])


def digests(uids: Sequence[str]) -> Array:
    """Keys of width 2."""
    joined = b"".join(blake2b(uid.encode(), digest_size=16).digest() for uid in uids)
    return np.frombuffer(joined, "u8").reshape(-1, 2)
