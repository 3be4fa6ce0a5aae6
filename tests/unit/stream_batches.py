"""Flow batches as agents send them, built from plain rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import pyarrow as pa

from agent import wire
from agent.wire import names
from stream.addresses import pack

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

DEFAULTS: dict[str, Any] = {
    "interval_start": START,
    "interval_end": START + SECOND,
    "reporter": int(wire.Reporter.CLIENT),
    "role_certain": True,
    "protocol": int(wire.Protocol.TCP),
    "client_address": "10.0.0.1",
    "server_address": "10.0.0.2",
    "server_port": 80,
    "cgroup_id": 7,
}


def flow_rows(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Rows in wire.SCHEMA; what a row leaves out is a default, a zero or no samples."""
    columns = []
    for field in wire.SCHEMA:
        values = [row.get(field.name, _default(field)) for row in rows]
        if pa.types.is_dictionary(field.type):
            kind = field.type.value_type
            words = [pack(word) if word and kind == pa.binary(16) else word for word in values]
            columns.append(pa.array(words, kind).dictionary_encode())
        else:
            columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=wire.SCHEMA)


def _default(field: pa.Field) -> Any:
    if field.name in DEFAULTS or field.nullable:
        return DEFAULTS.get(field.name)
    return [] if pa.types.is_map(field.type) else 0


def batch(
    rows: Sequence[Mapping[str, Any]],
    node: str = "node-a",
    sequence: int = 0,
    ledger: wire.Ledger | None = None,
) -> wire.Batch:
    origin = wire.Origin(node, f"agent-of-{node}", sequence, ledger or wire.Ledger())
    return wire.Batch(origin, flow_rows(rows))


VERSION_2 = wire.Codec("flows", [pa.schema([]), wire.SCHEMA])
"""Writes what agents wrote before version 3."""


def message(
    content: wire.Batch, version: wire.Codec = wire.CODEC
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers of the Kafka message of a batch."""
    return version.encode(content.rows), version.headers(content.origin)


def all_heard(_hour: int, _named: Set[str], _telling: Set[str]) -> Set[str]:
    """Of a cluster without a node that is silent."""
    return set()


def name_rows(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Rows of topic names: receiver, address, name, and what differs from the defaults."""
    defaults = {"time": START, "cgroup_id": 7, "ttl_seconds": 60, "pod_uid": None}
    columns = []
    for field in names.SCHEMA:
        values = [(defaults | dict(row))[field.name] for row in rows]
        if pa.types.is_dictionary(field.type):
            kind = field.type.value_type
            words = [pack(word) if kind == pa.binary(16) else word for word in values]
            columns.append(pa.array(words, kind).dictionary_encode())
        else:
            columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=names.SCHEMA)


def names_message(rows: Sequence[Mapping[str, Any]], node: str) -> tuple[bytes, wire.Headers]:
    """Value and headers of a message of topic names."""
    origin = wire.Origin(node, f"agent-of-{node}", 0, wire.Ledger())
    return names.CODEC.encode(name_rows(rows)), names.CODEC.headers(origin)
