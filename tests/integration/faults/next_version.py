"""The version of the wire after today's: one more counter. Workers of it are made of today's."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

import stream.rollup
from agent import wire
from sql import schema
from stream import windows

COUNTER = "pauses"
SCHEMA = wire.SCHEMA.append(pa.field(COUNTER, pa.uint64()))
CODEC = wire.Codec(
    "flows",
    [
        pa.schema(list(wire.SCHEMA)[: wire.SCHEMA.names.index("connections_unreachable")]),
        wire.SCHEMA,
        wire.SCHEMA,
        SCHEMA,
    ],
    rare={3: wire.RARE, 4: (*wire.RARE, COUNTER)},
)
MIGRATION = (
    f"ALTER TABLE {{table}} ADD COLUMN IF NOT EXISTS {COUNTER} SimpleAggregateFunction(sum, UInt64)"
)


def install() -> None:
    """Makes this process, which has done nothing yet, one of the next version."""
    wire.COUNTERS_SINCE_2[COUNTER] = "only made up"
    wire.SCHEMA, wire.CODEC = SCHEMA, CODEC
    wire.decode, wire.decode_all = CODEC.decode, CODEC.decode_all
    flows = schema.FLOWS.append(pa.field(COUNTER, pa.uint64(), nullable=False))
    schema.FLOWS = vars(stream.rollup)["FLOWS"] = flows
    schema.TABLES["flows_10s"] = flows
    windows.MEASURES = (*windows.MEASURES, COUNTER)
    for table, rollup in list(schema.ROLLUPS.items()):
        schema.ROLLUPS[table] = replace(rollup, of=flows)
        schema.TABLES[table] = schema.ROLLUPS[table].schema
