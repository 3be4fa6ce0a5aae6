"""Addresses as the wire has them: 16 bytes in network order, IPv4 mapped into IPv6."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

MAPPED = bytes(10) + b"\xff\xff"


def pack(address: str | IPv4Address | IPv6Address) -> bytes:
    """Raises ValueError for what is no address."""
    packed = (ip_address(address) if isinstance(address, str) else address).packed
    return packed if len(packed) == 16 else MAPPED + packed


def bounds(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    """First and last address of the network, both inclusive, as 128-bit numbers."""
    first = int.from_bytes(pack(network.network_address))
    return first, first + network.num_addresses - 1
