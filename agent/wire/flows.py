"""The flow row: what one reporting node saw of one conversation in one interval.

Deltas, never totals.

Addresses are 16 bytes in network order, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2), so the address
family of a row is told by the mapped prefix.
"""

from __future__ import annotations

from enum import IntEnum

import pyarrow as pa

from agent.wire.batch import Codec

FLOWS_TOPIC = "flows"
VERSION = 3

HISTOGRAM_BUCKETS = 24
"""Bucket b counts samples in [2**(b+4), 2**(b+5)) microseconds; the first is open below, the last
above (134 s). One fixed set everywhere, so histograms add up exactly at every rollup level."""


def bucket_bounds_microseconds() -> list[int]:
    """Upper bounds (exclusive) of all buckets but the last, which has none."""
    return [1 << (bucket + 5) for bucket in range(HISTOGRAM_BUCKETS - 1)]


class Reporter(IntEnum):
    """Which end of the conversation the reporting socket is."""

    CLIENT = 1
    SERVER = 2


class Protocol(IntEnum):
    """IANA protocol numbers."""

    TCP = 6
    UDP = 17


COUNTERS: dict[str, str] = {
    "bytes_to_server": "application bytes; TCP: acknowledged (client reports) or received in order "
    "(server reports), SYN and FIN not counted; UDP: payload",
    "bytes_to_client": "application bytes; TCP: received in order (client reports) or acknowledged "
    "(server reports), SYN and FIN not counted; UDP: payload",
    "packets_to_server": "TCP: segments, retransmissions included; UDP: datagrams",
    "packets_to_client": "TCP: segments, retransmissions included; UDP: datagrams",
    "connections_attempted": "active opens (client reports)",
    "connections_established": "handshakes completed, seen by the reporting side",
    "connections_closed": "established connections that ended, in whatever way",
    "connections_refused": "attempts answered by a reset",
    "connections_timed_out": "attempts given up without an answer",
    "connections_reset": "established connections ended by a reset of either side",
    "retransmitted_segments": "sent again by the reporting side, SYN included (total_retrans)",
    "retransmitted_bytes": "payload sent again by the reporting side",
    "retransmission_timeouts": "RTO timer expiries at the reporting side",
    "resets_sent": "TCP RST sent by the reporting socket",
    "resets_received": "TCP RST received by the reporting socket",
}
"""Additive measures of version 1, all uint64, with what they count."""

COMMON = (
    "bytes_to_server",
    "bytes_to_client",
    "packets_to_server",
    "packets_to_client",
    "connections_attempted",
    "connections_established",
    "connections_closed",
)
"""Of these the ones that many rows have."""

COUNTERS_SINCE_2: dict[str, str] = {
    "connections_unreachable": "attempts ended by an ICMP error",
    "connections_handshake_reset": "handshakes ended by a reset before they were complete, seen by "
    "the side that had been called",
    "connections_half_open": "handshakes that the client never completed, server side",
    "listen_overflows": "handshakes dropped because the listener's accept queue was full",
    "retransmitted_syns": "SYN and SYN-ACK sent again, part of retransmitted_segments",
    "zero_windows_sent": "times that the reporting side closed its receive window",
    "zero_windows_received": "times that the peer closed its receive window",
    "out_of_order_segments": "segments that arrived ahead of their turn",
    "dropped_packets": "packets of this conversation that the kernel dropped, by drop_reasons",
    "datagram_errors": "UDP datagrams that reached the host and not the application",
}
"""Additive measures appended by version 2: null in batches of version 1."""

DISTRIBUTIONS: dict[str, str] = {
    "connect_latency": "time from connect() to established, client side",
    "rtt": "round-trip samples of the reporting side's TCP (RFC 6298)",
}
"""Distributions of a row, each as _count, _sum, _min, _max and _histogram, in microseconds."""

RARE = (
    *(name for name in COUNTERS if name not in COMMON),
    *COUNTERS_SINCE_2,
)
"""Measures that are zero in most rows: sparse since version 3."""

KEY_COLUMNS = (
    "reporter",
    "role_certain",
    "protocol",
    "client_address",
    "server_address",
    "server_port",
    "cgroup_id",
)


def _field(name: str, kind: pa.DataType, about: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"about": about})


def _version_1() -> pa.Schema:
    instant = pa.timestamp("ns", tz="UTC")
    address = pa.dictionary(pa.int32(), pa.binary(16))
    fields = [
        _field("interval_start", instant, "first activity counted in the row"),
        _field("interval_end", instant, "when the row's last delta was taken"),
        _field("reporter", pa.uint8(), "1 client, 2 server"),
        _field("role_certain", pa.bool_(), "false: who opened the conversation was a guess"),
        _field("protocol", pa.uint8(), "IANA number: 6 TCP, 17 UDP"),
        _field("client_address", address, "16 bytes, IPv4 mapped"),
        _field("server_address", address, "16 bytes, IPv4 mapped"),
        _field("server_port", pa.uint16(), "the client's port is elided"),
        _field("cgroup_id", pa.uint64(), "cgroup v2 id of the reporting socket, 0 unknown"),
    ]
    fields += [_field(name, pa.uint64(), about) for name, about in COUNTERS.items()]
    for name, about in DISTRIBUTIONS.items():
        fields += [
            _field(f"{name}_count", pa.uint64(), f"samples: {about}"),
            _field(f"{name}_sum", pa.uint64(), "microseconds"),
            _field(f"{name}_min", pa.uint32(), "microseconds, null without samples", nullable=True),
            _field(f"{name}_max", pa.uint32(), "microseconds, null without samples", nullable=True),
            _field(
                f"{name}_histogram", pa.map_(pa.uint8(), pa.uint64()), "bucket to count, sparse"
            ),
        ]
    return pa.schema(fields)


def _since_2() -> list[pa.Field]:
    word = pa.dictionary(pa.int32(), pa.string())
    fields = [
        _field(name, pa.uint64(), about, nullable=True) for name, about in COUNTERS_SINCE_2.items()
    ]
    return [
        *fields,
        _field(
            "drop_reasons",
            pa.map_(pa.string(), pa.uint64()),
            "the kernel's name of the reason (enum skb_drop_reason) to packets, sparse",
            nullable=True,
        ),
        _field(
            "backend_address",
            pa.dictionary(pa.int32(), pa.binary(16)),
            "where conntrack sent the server's address to, null where it was not translated",
            nullable=True,
        ),
        _field("backend_port", pa.uint16(), "the port of backend_address", nullable=True),
        _field("pod_uid", word, "pod of the reporting socket by its cgroup", nullable=True),
        _field("container_id", word, "container of it by its cgroup", nullable=True),
    ]


_VERSION_1 = _version_1()
SCHEMA = pa.schema([*_VERSION_1, *_since_2()])
CODEC = Codec("flows", [_VERSION_1, SCHEMA, SCHEMA], rare={3: RARE})
FINGERPRINT = CODEC.fingerprint
