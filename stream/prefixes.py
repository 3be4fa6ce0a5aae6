"""What an address outside the cluster is, by its prefix: an AWS service, the site's own, the
internet, or none. Tens of millions of addresses a second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.addresses import MAPPED, bounds
from stream.evidence import GROUND, Confidence, Method, of_prefix

Array = NDArray[Any]

ADDRESS = np.dtype("V16")
CHUNK = 1 << 15
"""Addresses looked up at once: what is made of them on the way stays in the processor's cache."""


class Class(NamedTuple):
    """What is known of an address by its prefix. Kind "local" stays within its node."""

    kind: str
    service: str = ""
    region: str = ""
    method: str = Method.NONE

    @property
    def confidence(self) -> Confidence:
        return of_prefix(self.method, self.service)


class Prefix(NamedTuple):
    """A network in CIDR notation, and whose it is."""

    network: str
    owner: Class


UNKNOWN = Class("unknown")
INTERNET = Class("internet", method=Method.PUBLIC_RANGE)
LOCAL = Class("local", method=Method.HOST_IP)
PRIVATE = Class("on_prem", method=Method.PRIVATE_RANGE)

# IANA's special-purpose registries (RFC 6890); private ranges that nothing else knows are the
# site's own. Documentation ranges are left public: nobody routes them, testbeds use them.
SPECIAL: tuple[Prefix, ...] = (
    Prefix("0.0.0.0/0", INTERNET),
    Prefix("2000::/3", INTERNET),
    Prefix("64:ff9b::/96", INTERNET),
    *(Prefix(network, LOCAL) for network in ("127.0.0.0/8", "169.254.0.0/16", "::1", "fe80::/10")),
    *(
        Prefix(network, PRIVATE)
        for network in (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
        )
    ),
    *(Prefix(network, UNKNOWN) for network in ("0.0.0.0/8", "224.0.0.0/3", "ff00::/8")),
)


def site(networks: Iterable[str], name: str = "") -> list[Prefix]:
    """Prefixes that the user says are the site's own; `name` stands in the column of services."""
    owner = Class("on_prem", service=name, method=Method.SITE_RANGE)
    return [Prefix(network, owner) for network in networks]


def rank(owner: Class, length: int) -> tuple[int, int, str, str]:
    """Which of several prefixes over an address says most of it: the highest.

    An interface endpoint's address is nobody else's; then the user's word wins. AMAZON repeats all
    other codes and EC2 is also the ground that other services stand on, so both yield to a named
    service, however long their prefix (in August 2026 that decides for 824 of 16,000 ranges, 686
    of them EC2 with a longer AMAZON in it); then the longest prefix tells.
    """
    if owner.method == Method.VPC_ENDPOINT:
        weight = 5
    elif owner.method == Method.SITE_RANGE:
        weight = 4
    elif owner.service in GROUND:
        weight = 1 + (owner.service == "EC2")
    else:
        weight = 3 if owner.service else 0
    return weight, length, owner.service, owner.region


def flatten(prefixes: Iterable[Prefix]) -> Iterator[tuple[int, Class]]:
    """Disjoint intervals in ascending order, as (first address, whose it is up to the next).

    Networks are nested or disjoint, so one sweep over their starts with a stack of the open ones
    visits every change. Addresses are 128-bit numbers.
    """
    spans = []
    for prefix in prefixes:
        network = ip_network(prefix.network)
        first, last = bounds(network)
        spans.append((first, -last, rank(prefix.owner, network.prefixlen), prefix.owner))
    changes: dict[int, Class] = {0: UNKNOWN}
    open_spans: list[tuple[int, tuple[int, int, str, str], Class]] = []

    def change(at: int) -> None:
        changes[at] = max(open_spans, key=lambda span: span[1])[2] if open_spans else UNKNOWN

    def close_until(limit: int) -> None:
        while open_spans and open_spans[-1][0] < limit:
            change(open_spans.pop()[0] + 1)

    for first, negative_last, weight, owner in sorted(spans):
        close_until(first)
        open_spans.append((-negative_last, weight, owner))
        change(first)
    close_until(1 << 128)
    changes.pop(1 << 128, None)
    before = None
    for start, owner in changes.items():
        if owner != before:
            yield start, owner
        before = owner


class Words(NamedTuple):
    """One field of all classes: numbers[code] is the place of its word."""

    numbers: Array
    words: tuple[str, ...]


class Prefixes:
    """Looks addresses up in a table that is built once; a new list of prefixes takes a new table.

    classes: the answers, by code. fields: the same by field of Class, for gathering columns.
    confidence: of each code, a Confidence as u1.
    """

    def __init__(self, prefixes: Iterable[Prefix]) -> None:
        numbers: dict[Class, int] = {}
        intervals = [
            (start, numbers.setdefault(owner, len(numbers))) for start, owner in flatten(prefixes)
        ]
        self.classes: Sequence[Class] = list(numbers)
        self.confidence: Array = np.array([c.confidence for c in self.classes], "u1")
        self.fields = {
            name: _words(values)
            for name, values in zip(Class._fields, zip(*self.classes, strict=True), strict=True)
        }
        self._ipv6 = Trie(intervals, 16)
        self._ipv4 = Trie(list(_mapped(intervals)), 4)

    @property
    def nbytes(self) -> int:
        return self._ipv4.nbytes + self._ipv6.nbytes

    def lookup(self, addresses: Array) -> Array:
        """Codes (i8) of addresses, 16 bytes each: V16, or u1 of shape (n, 16)."""
        octets = np.ascontiguousarray(addresses).view("u1").reshape(-1, 16)
        codes = np.empty(len(octets), "i8")
        for start in range(0, len(octets), CHUNK):
            chunk = slice(start, start + CHUNK)
            self._lookup(octets[chunk], codes[chunk])
        return codes

    def _lookup(self, octets: Array, codes: Array) -> None:
        words = octets.view("<u8")
        mapped = (words[:, 1] & _MAPPED_MASK == _MAPPED_WORD) & (words[:, 0] == 0)
        count = np.count_nonzero(mapped)
        if count == len(codes):
            codes[:] = self._ipv4.find(octets, 12)
        elif not count:
            codes[:] = self._ipv6.find(octets, 0)
        else:
            # To look all of them up as the most of them are, and the rest again, copies least.
            of_most, of_rest = (self._ipv4, 12), (self._ipv6, 0)
            if 2 * count < len(codes):
                of_most, of_rest, mapped = of_rest, of_most, ~mapped
            rest = np.flatnonzero(~mapped)
            table, first = of_most
            codes[:] = table.find(octets, first)
            table, first = of_rest
            chosen = octets.view(ADDRESS).ravel()[rest]
            codes[rest] = table.find(chosen.view("u1").reshape(-1, 16), first)


def _words(values: Sequence[str]) -> Words:
    places: dict[str, int] = {}
    numbers = [places.setdefault(str(value), len(places)) for value in values]
    return Words(np.array(numbers, "u2"), tuple(places))


_MAPPED_WORD = np.uint64(int.from_bytes(MAPPED[8:], "little"))
_MAPPED_MASK = np.uint64(0xFFFF_FFFF)


def _mapped(intervals: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The intervals of the IPv4 addresses, as 32-bit numbers."""
    base = int.from_bytes(MAPPED) << 32
    inside = 0
    for start, code in intervals:
        if start <= base:
            inside = code
    yield 0, inside
    for start, code in intervals:
        if base < start < base + (1 << 32):
            yield start - base, code


class Trie:
    """A table by the first two bytes, then tables by one byte each, as deep as differences are.

    An entry is a code, or where it is negative, the complement of where the next table begins.
    """

    def __init__(self, intervals: Sequence[tuple[int, int]], width: int) -> None:
        """intervals: (first address, code) ascending, the first at 0; width: bytes an address."""
        self._starts = [start for start, _ in intervals]
        self._codes = [code for _, code in intervals]
        self._bits = 8 * width
        self._tables: list[Array] = []
        self._root = self._table(0, 16, 0, 0, len(intervals))
        self._deep = np.concatenate([*self._tables, np.zeros(256, "i8")])
        del self._starts, self._codes, self._tables

    @property
    def nbytes(self) -> int:
        return self._root.nbytes + self._deep.nbytes

    def find(self, octets: Array, first: int) -> Array:
        """Codes of addresses, u1 of shape (n, 16), of which the bytes from `first` on count."""
        found: Array = self._root.take(octets.view(">u2")[:, first // 2].astype("i8"))
        flat = octets.ravel()
        deeper = np.flatnonzero(found < 0)
        entries, at = ~found.take(deeper), deeper * 16 + (first + 2)
        while deeper.size:
            entries |= flat.take(at)
            entries = self._deep.take(entries)
            below = np.flatnonzero(entries < 0)
            if below.size < deeper.size:
                found[deeper] = entries
                deeper, at, entries = deeper.take(below), at.take(below), entries.take(below)
            np.invert(entries, out=entries)
            at += 1
        return found

    def _table(self, base: int, stride: int, depth: int, low: int, high: int) -> Array:
        """The table of addresses from `base` on that are alike in their first `depth` bits.
        low, high: the intervals of which the first begins at or before the base, and the last
        before the table's end."""
        shift = self._bits - depth - stride
        table = np.empty(1 << stride, "i8")
        filled, code = 0, self._codes[low]
        place = low + 1
        while place < high:
            cell = (self._starts[place] - base) >> shift
            table[filled:cell] = code
            start, first = base + (cell << shift), place
            while place < high and self._starts[place] < start + (1 << shift):
                place += 1
            if place - first > 1 or self._starts[first] != start:
                before = first if self._starts[first] == start else first - 1
                table[cell] = self._below(start, depth + stride, before, place)
            else:
                table[cell] = self._codes[first]
            filled, code = cell + 1, self._codes[place - 1]
        table[filled:] = code
        return table

    def _below(self, base: int, depth: int, low: int, high: int) -> int:
        number = len(self._tables)
        self._tables.append(np.empty(0, "i8"))
        self._tables[number] = self._table(base, 8, depth, low, high)
        return ~(number << 8)
