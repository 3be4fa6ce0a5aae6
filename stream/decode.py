"""Kafka message to flow rows, or to a reason why not. Per batch, never per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire

LAST_SECOND = 2**32 - 1
"""ClickHouse's DateTime ends here, in 2106."""


@dataclass(frozen=True)
class Message:
    """What the stream needs of a Kafka message. timestamp: Unix seconds, by the agent's clock."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Delivery:
    """A batch, and where in its partition it lay."""

    offset: int
    timestamp: float
    batch: wire.Batch


def decode(message: Message) -> Delivery:
    """Raises wire.WireError for whatever the tables could not hold or would hold wrongly."""
    batch = wire.decode(message.value or b"", dict(message.headers))
    _check(batch.rows)
    return Delivery(message.offset, message.timestamp, batch)


def _check(rows: pa.RecordBatch) -> None:
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if not field.nullable and column.null_count:
            raise wire.WireError(f"column {field.name} has nulls")
    for name, values in (("reporter", wire.Reporter), ("protocol", wire.Protocol)):
        known = pc.is_in(rows[name], pa.array(list(map(int, values)), pa.uint8()))
        if not pc.all(known, min_count=0).as_py():
            raise wire.WireError(f"column {name} has a value outside {[int(v) for v in values]}")
    for name in ("client_address", "server_address", "backend_address", "pod_uid"):
        if rows[name].dictionary.null_count:
            raise wire.WireError(f"column {name} has nulls")
    starts = rows["interval_start"].cast(pa.int64()).to_numpy()
    if starts.size and not 0 <= starts.min() <= starts.max() <= LAST_SECOND * 1_000_000_000:
        raise wire.WireError("column interval_start has a time outside 1970-2106")
    for name in (*(f"{name}_histogram" for name in wire.DISTRIBUTIONS), "drop_reasons"):
        if rows[name].items.null_count:
            raise wire.WireError(f"column {name} has nulls")
    for name in wire.DISTRIBUTIONS:
        buckets = rows[f"{name}_histogram"].keys
        if np.any(buckets.to_numpy() >= wire.HISTOGRAM_BUCKETS):
            raise wire.WireError(f"column {name}_histogram has an unknown bucket")
