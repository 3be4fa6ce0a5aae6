"""Longest prefix first, of many addresses at once."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

import numpy as np

from stream.addresses import bounds
from stream.network.model import Cidr

NONE = -1
IPV4 = ip_network("::ffff:0:0/96")


class Prefixes:
    """Disjoint intervals, from each start to the next. Addresses are of NumPy's S16, which
    compares as unsigned bytes do; IPv4 is mapped, and no IPv6 prefix covers it."""

    def __init__(self, entries: Iterable[tuple[Cidr, int]]) -> None:
        """Each prefix with its number; of equal prefixes, the first one's."""
        numbers: dict[Cidr, int] = {IPV4: NONE}
        for network, number in entries:
            numbers.setdefault(network, number)
        spans = sorted((first, -last, n) for (first, last), n in _bounded(numbers))
        changes: dict[int, int] = {0: NONE}
        enclosing: list[tuple[int, int]] = [(1 << 128, NONE)]

        def close_until(limit: int) -> None:
            while enclosing[-1][0] < limit:
                last, _ = enclosing.pop()
                changes[last + 1] = enclosing[-1][1]

        for first, negative_last, number in spans:
            close_until(first)
            enclosing.append((-negative_last, number))
            changes[first] = number
        close_until(1 << 128)
        changes.pop(1 << 128, None)
        self._starts = np.array([start.to_bytes(16) for start in changes], "S16")
        self._numbers = np.array(list(changes.values()), np.int32)

    def lookup(self, addresses: np.ndarray) -> np.ndarray:
        """The number of each address's longest prefix; NONE without one."""
        found: np.ndarray = self._numbers[
            np.searchsorted(self._starts, addresses, side="right") - 1
        ]
        return found


def _bounded(numbers: dict[Cidr, int]) -> Iterable[tuple[tuple[int, int], int]]:
    return ((bounds(network), number) for network, number in numbers.items())
