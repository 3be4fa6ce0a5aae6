"""Kafka message to flow rows, or to a reason why not. Per batch, never per row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire

LAST_SECOND = 2**32 - 1
"""ClickHouse's DateTime ends here, in 2106."""


ROW_BYTES = 350
"""A row before compression, with its share of addresses and histograms."""


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

    @property
    def rows_about(self) -> int:
        """About how many flow rows it holds, at least 1, without decoding it."""
        return 1 + wire.CODEC.length(self.value or b"", dict(self.headers)) // ROW_BYTES


@dataclass(frozen=True)
class Delivery:
    """A batch, and where in its partition it lay."""

    offset: int
    timestamp: float
    batch: wire.Batch


class Poison(NamedTuple):
    """A message that cannot be taken, and why."""

    message: Message
    reason: str


def decode(message: Message) -> Delivery:
    """Raises wire.WireError for whatever the tables could not hold or would hold wrongly."""
    delivery = _read(message)
    _check(pa.Table.from_batches([delivery.batch.rows]))
    return delivery


def decode_all(messages: Sequence[Message]) -> tuple[list[Delivery], list[Poison]]:
    """Those that decode() takes and those that it refuses, each in order. All are checked at once,
    which costs little more than one; only if any is at fault is each checked for itself."""
    deliveries, poison = _each(_read, messages)
    try:
        if deliveries:
            _check(pa.Table.from_batches([delivery.batch.rows for delivery in deliveries]))
    except wire.WireError:
        return _each(decode, messages)
    return deliveries, poison


def _each(
    call: Callable[[Message], Delivery], messages: Sequence[Message]
) -> tuple[list[Delivery], list[Poison]]:
    deliveries: list[Delivery] = []
    poison: list[Poison] = []
    for message in messages:
        try:
            deliveries.append(call(message))
        except wire.WireError as error:
            poison.append(Poison(message, str(error)))
    return deliveries, poison


def _read(message: Message) -> Delivery:
    batch = wire.decode(message.value or b"", dict(message.headers))
    return Delivery(message.offset, message.timestamp, batch)


def _check(rows: pa.Table) -> None:
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if not field.nullable and column.null_count:
            raise wire.WireError(f"column {field.name} has nulls")
    for name, values in (("reporter", wire.Reporter), ("protocol", wire.Protocol)):
        found = set(pc.unique(rows[name]).to_pylist())
        if not found <= set(map(int, values)):
            raise wire.WireError(f"column {name} has a value outside {[int(v) for v in values]}")
    for name in ("client_address", "server_address", "backend_address", "pod_uid"):
        if any(chunk.dictionary.null_count for chunk in rows[name].chunks):
            raise wire.WireError(f"column {name} has nulls")
    starts = rows["interval_start"].cast(pa.int64()).to_numpy()
    if starts.size and not 0 <= starts.min() <= starts.max() <= LAST_SECOND * 1_000_000_000:
        raise wire.WireError("column interval_start has a time outside 1970-2106")
    for name in (*(f"{name}_histogram" for name in wire.DISTRIBUTIONS), "drop_reasons"):
        if any(chunk.items.null_count for chunk in rows[name].chunks):
            raise wire.WireError(f"column {name} has nulls")
    for name in wire.DISTRIBUTIONS:
        for chunk in rows[f"{name}_histogram"].chunks:
            if np.any(chunk.keys.to_numpy() >= wire.HISTOGRAM_BUCKETS):
                raise wire.WireError(f"column {name}_histogram has an unknown bucket")
