"""The flow record and the batch: the one contract between the agent and everything behind it.

A *flow row* says what one reporting node saw of one conversation in one interval: deltas, never
totals. A *batch* is the rows of one interval as an Arrow IPC stream (zstd) whose schema message is
cut off; the schema's fingerprint travels in the Kafka headers instead, so a reader either knows the
schema exactly or refuses the message. This is the only module of the agent that others import.

Addresses are 16 bytes in network order, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2), so the address
family of a row is told by the mapped prefix.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

import pyarrow as pa

FLOWS_TOPIC = "flows"
VERSION = 1

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
"""Additive measures of a row, all uint64, with what they count."""

DISTRIBUTIONS: dict[str, str] = {
    "connect_latency": "time from connect() to established, client side",
    "rtt": "round-trip samples of the reporting side's TCP (RFC 6298)",
}
"""Distributions of a row, each as _count, _sum, _min, _max and _histogram, in microseconds."""

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


def _schema() -> pa.Schema:
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
    return pa.schema(fields, metadata={"flowatlas": f"flows/{VERSION}"})


def _fingerprint(schema: pa.Schema) -> str:
    """Hash of names, types and nullability: the same for every Arrow release."""
    described = [[field.name, str(field.type), field.nullable] for field in schema]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


SCHEMA = _schema()
FINGERPRINT = _fingerprint(SCHEMA)
_SCHEMA_NAME = f"flows/{VERSION}:{FINGERPRINT}"
_SCHEMA_MESSAGE: bytes = SCHEMA.serialize().to_pybytes()


class WireError(Exception):
    """A message that does not keep the contract: poison, to be set aside, never guessed at."""


@dataclass(frozen=True)
class Ledger:
    """The agent's running account since it started: every field is cumulative.

    kernel_*: records the kernel put on the ring buffer, and the bytes they stood for.
    lost_*: records that found the ring buffer full at their last chance, and their bytes.
    agent_*: records the agent took off the ring buffer. shipped_*: rows handed to Kafka, this
    batch included. storage_failures: sockets that got no kernel storage. sampling: 1 = all.
    """

    kernel_records: int = 0
    kernel_bytes: int = 0
    lost_records: int = 0
    lost_bytes: int = 0
    storage_failures: int = 0
    agent_records: int = 0
    agent_bytes: int = 0
    shipped_rows: int = 0
    shipped_bytes: int = 0
    sampling: int = 1


@dataclass(frozen=True)
class Origin:
    """Where a batch comes from: the sequence is gap-free per agent instance, from 0."""

    node: str
    agent: str
    sequence: int
    ledger: Ledger


@dataclass(frozen=True)
class Batch:
    """A decoded message: where it came from, and its rows in SCHEMA."""

    origin: Origin
    rows: pa.RecordBatch


def encode(rows: pa.RecordBatch) -> bytes:
    """The Kafka message value of rows in SCHEMA: dictionaries and record batch, zstd, no schema."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, SCHEMA, options=options) as writer:
        writer.write_batch(rows)
    return bytes(memoryview(sink.getvalue())[len(_SCHEMA_MESSAGE) :])


def headers(origin: Origin) -> list[tuple[str, bytes]]:
    """The Kafka headers that go with a value of encode()."""
    return [
        ("schema", _SCHEMA_NAME.encode()),
        ("node", origin.node.encode()),
        ("agent", origin.agent.encode()),
        ("sequence", str(origin.sequence).encode()),
        ("ledger", json.dumps(asdict(origin.ledger), separators=(",", ":")).encode()),
    ]


def decode(value: bytes, headers: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> Batch:
    """The batch of one Kafka message. Raises WireError for anything that is not a known batch."""
    found = dict(headers)
    schema = found.get("schema", b"").decode(errors="replace")
    if schema != _SCHEMA_NAME:
        raise WireError(f"unknown schema {schema!r}, this reader knows {_SCHEMA_NAME!r}")
    origin = _origin(found)
    try:
        with pa.ipc.open_stream(_SCHEMA_MESSAGE + value) as reader:
            rows = reader.read_next_batch()
        rows.validate(full=True)
    except (pa.ArrowException, OSError, StopIteration, ValueError) as error:
        raise WireError(f"not an Arrow batch of {_SCHEMA_NAME}: {error!r}") from error
    return Batch(origin, rows)


def _origin(found: Mapping[str, bytes]) -> Origin:
    try:
        ledger: dict[str, Any] = json.loads(found["ledger"])
        known = {name: int(ledger[name]) for name in Ledger.__dataclass_fields__ if name in ledger}
        return Origin(
            node=found["node"].decode(),
            agent=found["agent"].decode(),
            sequence=int(found["sequence"]),
            ledger=Ledger(**known),
        )
    except KeyError as error:
        raise WireError(f"header {error.args[0]!r} is missing") from error
    except (ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise WireError(f"malformed headers: {error}") from error
