"""The kernel's connection tracking over netlink: entries that translate a destination address.

The kernel writes the same words for every TCP and UDP entry, so messages are decoded as one array.
(pyroute2 was measured at 100 µs an event and 22 MB of memory, and a node may open 10,000
connections a second.) Numbers are those of include/uapi/linux: netfilter/nfnetlink_conntrack.h,
netfilter/nf_conntrack_common.h, filter.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.namespace import inside

_NETLINK_NETFILTER = 12
_GROUPS = 0b101  # NF_NETLINK_CONNTRACK_NEW and _DESTROY
_NEW, _GET, _DELETE = 0x100, 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK is the upper byte
_ERROR, _DONE = 2, 3
_REQUEST_DUMP = 0x301
_HEADER = struct.Struct("=IHHII")
_NESTED = 0x8000
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_DATAGRAM = 1 << 16

ENTRY = np.dtype(
    [
        ("protocol", "u1"),
        ("ended", "?"),
        ("client_port", "u2"),
        ("server_port", "u2"),
        ("backend_port", "u2"),
        ("client_address", "V16"),
        ("server_address", "V16"),
        ("backend_address", "V16"),
    ]
)
"""A connection as its client sees it, the backend that it really has, and whether it is over."""

Entries = NDArray[Any]

# Lets through what has IPS_DST_NAT in its CTA_STATUS: a classic BPF program of (code, jump if true,
# jump if false, operand).
_ONLY_TRANSLATED = (
    (0x00, 0, 0, 20),  # A = offset of the first attribute
    (0x01, 0, 0, 3),  # X = CTA_STATUS
    (0x30, 0, 0, 0xFFFFF00C),  # A = offset of that attribute, 0 if there is none (SKF_AD_NLATTR)
    (0x15, 4, 0, 0),  # none: drop
    (0x07, 0, 0, 0),  # X = A
    (0x40, 0, 0, 4),  # A = what it says
    (0x45, 0, 1, 0x20),  # IPS_DST_NAT?
    (0x06, 0, 0, 0xFFFFFFFF),  # take
    (0x06, 0, 0, 0),  # drop
)


def _layout(address: str) -> np.dtype[Any]:
    """A message up to the end of its two tuples, as ctnetlink_dump_tuples() writes it."""
    direction = [
        ("nest", "u4"),
        ("addresses", "u4"),
        ("source_header", "u4"),
        ("source", address),
        ("destination_header", "u4"),
        ("destination", address),
        ("ports", "u4"),
        ("protocol_header", "u4"),
        ("protocol", "u1"),
        ("protocol_pad", "V3"),
        ("source_port_header", "u4"),
        ("source_port", ">u2"),
        ("source_port_pad", "V2"),
        ("destination_port_header", "u4"),
        ("destination_port", ">u2"),
        ("destination_port_pad", "V2"),
    ]
    return np.dtype(
        [
            ("length", "u4"),
            ("type", "u2"),
            ("flags", "u2"),
            ("sequence", "u4"),
            ("sender", "u4"),
            ("family", "u1"),
            ("family_pad", "V3"),
            ("original", direction),
            ("reply", direction),
        ]
    )


def _expected(width: int, first: int) -> dict[str, int]:
    """The attribute headers of a direction: length, and the type in the upper half."""

    def header(payload: int, kind: int) -> int:
        return 4 + payload | kind << 16

    return {
        "addresses": header(2 * (4 + width), _NESTED | 1),
        "source_header": header(width, first),
        "destination_header": header(width, first + 1),
        "ports": header(3 * 8, _NESTED | 2),
        "protocol_header": header(1, 1),
        "source_port_header": header(2, 2),
        "destination_port_header": header(2, 3),
    }


_FAMILIES = {
    socket.AF_INET: (_layout("V4"), _expected(4, first=1)),
    socket.AF_INET6: (_layout("V16"), _expected(16, first=3)),
}
_MAPPED = np.frombuffer(bytes(10) + b"\xff\xff", "u1")


def subscribe(namespace: str, buffer_bytes: int) -> socket.socket:
    """A socket that receives an event for each translated connection that begins or ends.

    Non-blocking. `buffer_bytes` of events may wait; recv() raises ENOBUFS after more. Raises
    OSError where this process or kernel does not permit it, HostError for a wrong namespace.
    """
    made = _open(namespace)
    try:
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        code = b"".join(struct.pack("=HBBI", *line) for line in _ONLY_TRANSLATED)
        memory = ctypes.create_string_buffer(code)
        program = struct.pack("HP", len(_ONLY_TRANSLATED), ctypes.addressof(memory))
        made.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        made.bind((0, _GROUPS))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def events(subscribed: socket.socket) -> Iterator[bytes]:
    """The messages that wait; ends when there are no more. Raises OSError(ENOBUFS) after a loss."""
    with contextlib.suppress(BlockingIOError):
        while True:
            yield from _messages(subscribed.recv(_DATAGRAM))


def dump(namespace: str) -> Iterator[bytes]:
    """A message for each connection that the kernel tracks now. Raises OSError if it refuses."""
    with _open(namespace) as asking:
        asking.settimeout(5)
        request = _HEADER.pack(_HEADER.size + 4, _GET, _REQUEST_DUMP, 0, 0)
        asking.sendto(request + bytes(4), (0, 0))
        while True:
            for message in _messages(asking.recv(_DATAGRAM)):
                kind = _HEADER.unpack_from(message)[1]
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", message, _HEADER.size)[0]
                    raise OSError(code, os.strerror(code))
                yield message


def decode(messages: list[bytes]) -> Entries:
    """The translated TCP and UDP connections among the messages, in their order.

    Passed over: other protocols, and entries of a conntrack zone of their own.
    """
    found = np.zeros(len(messages), ENTRY)
    known = np.zeros(len(messages), bool)
    for family, (layout, expected) in _FAMILIES.items():
        at = [
            index
            for index, message in enumerate(messages)
            if len(message) >= layout.itemsize and message[_HEADER.size] == family
        ]
        prefixes = b"".join(messages[index][: layout.itemsize] for index in at)
        found[at], known[at] = _entries(np.frombuffer(prefixes, layout), expected)
    return found[known]


def _entries(messages: NDArray[Any], expected: dict[str, int]) -> tuple[Entries, NDArray[Any]]:
    original, reply = messages["original"], messages["reply"]
    entries = np.zeros(len(messages), ENTRY)
    entries["protocol"] = original["protocol"]
    entries["ended"] = messages["type"] == _DELETE
    entries["client_port"] = original["source_port"]
    entries["server_port"] = original["destination_port"]
    entries["backend_port"] = reply["source_port"]
    entries["client_address"] = _mapped(original["source"])
    entries["server_address"] = _mapped(original["destination"])
    entries["backend_address"] = _mapped(reply["source"])
    known = np.isin(messages["type"], (_NEW, _DELETE))
    for direction in (original, reply):
        for name, header in expected.items():
            known &= direction[name] == header
    translated = (entries["server_address"] != entries["backend_address"]) | (
        entries["server_port"] != entries["backend_port"]
    )
    return entries, known & translated


def _mapped(addresses: NDArray[Any]) -> NDArray[Any]:
    """Addresses of either family as 16 bytes, IPv4 mapped into IPv6."""
    if addresses.dtype.itemsize == 16:
        return addresses
    full = np.empty((len(addresses), 16), "u1")
    full[:, :12] = _MAPPED
    full[:, 12:] = np.ascontiguousarray(addresses).view("u1").reshape(-1, 4)
    return full.view("V16")[:, 0]


def _open(namespace: str) -> socket.socket:
    with inside(namespace):
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)


def _messages(datagram: bytes) -> Iterator[bytes]:
    """The messages of a datagram; what is cut off or has an impossible length ends it."""
    start = 0
    while start + _HEADER.size <= len(datagram):
        (length,) = struct.unpack_from("=I", datagram, start)
        if not _HEADER.size <= length <= len(datagram) - start:
            return
        yield datagram[start : start + length]
        start += (length + 3) & ~3  # aligned to 4 bytes
