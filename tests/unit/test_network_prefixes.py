"""Longest prefix first, against trying them all."""

from __future__ import annotations

from ipaddress import ip_network

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.addresses import bounds
from stream.network.model import Cidr
from stream.network.prefixes import NONE, Prefixes

# Few distinct bits, so that prefixes nest, repeat and touch.
IPV4 = st.builds(
    lambda bits, length: ip_network((bits << 28 & (2**32 - 1) << (32 - length), length)),
    st.integers(0, 15),
    st.integers(0, 8),
)
IPV6 = st.builds(
    lambda bits, length: ip_network(
        (bits << 92 & (2**128 - 1) << (128 - length) & 2**128 - 1, length)
    ),
    st.integers(0, 2**10 - 1).map(lambda bits: bits << 26),
    st.sampled_from([0, 2, 4, 80, 96, 110]),
)


def brute_force(entries: list[tuple[Cidr, int]], address: int) -> int:
    covering = []
    for order, (network, number) in enumerate(entries):
        first, last = bounds(network)
        mapped = address >> 32 == 0xFFFF
        if first <= address <= last and (network.version == 4) == mapped:
            covering.append((network.prefixlen, -order, number))
    return max(covering)[2] if covering else NONE


@settings(max_examples=150, deadline=None)
@given(st.lists(IPV4 | IPV6, max_size=12))
def test_agrees_with_brute_force(networks: list[Cidr]) -> None:
    entries = [(network, number) for number, network in enumerate(networks)]
    edges = [edge for network in networks for edge in bounds(network)]
    near = {0, 2**128 - 1, 0xFFFF << 32, 0xFFFF << 32 | 10 << 24}
    near |= {edge + by for edge in edges for by in (-1, 0, 1) if 0 <= edge + by < 2**128}
    addresses = sorted(near)
    found = Prefixes(entries).lookup(np.array([a.to_bytes(16) for a in addresses], "S16"))
    assert found.tolist() == [brute_force(entries, address) for address in addresses]


def test_an_ipv6_default_route_does_not_carry_ipv4() -> None:
    table = Prefixes([(ip_network("::/0"), 7)])
    mapped = (0xFFFF << 32 | 1).to_bytes(16)
    assert table.lookup(np.array([mapped, bytes(15) + b"\1"], "S16")).tolist() == [NONE, 7]
