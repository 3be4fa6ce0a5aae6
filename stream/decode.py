"""Kafka message to flow rows, or to a reason why not. Per batch, never per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire
from stream.columns import Rows, join

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


class Decoded(NamedTuple):
    """Of many messages those that decode() takes and those that it refuses, each in order. rows:
    of the deliveries."""

    deliveries: list[Delivery]
    poison: list[Poison]
    rows: Rows


def decode(message: Message) -> Delivery:
    """Raises wire.WireError for whatever the tables could not hold or would hold wrongly."""
    batch = wire.decode(message.value or b"", message.headers)
    _check(join([batch]))
    return Delivery(message.offset, message.timestamp, batch)


def decode_all(messages: Sequence[Message]) -> Decoded:
    """All are decoded and checked together, which costs little more than one; only if the rows of
    any are at fault is each checked for itself."""
    found = wire.decode_all([(message.value or b"", message.headers) for message in messages])
    decoded = _part(messages, found)
    try:
        _check(decoded.rows)
    except wire.WireError:
        return _part(messages, [_attempt(message) for message in messages])
    return decoded


def _attempt(message: Message) -> wire.Batch | wire.WireError:
    try:
        return decode(message).batch
    except wire.WireError as error:
        return error


def _part(messages: Sequence[Message], found: Sequence[wire.Batch | wire.WireError]) -> Decoded:
    deliveries: list[Delivery] = []
    poison: list[Poison] = []
    for message, batch in zip(messages, found, strict=True):
        if isinstance(batch, wire.WireError):
            poison.append(Poison(message, str(batch)))
        else:
            deliveries.append(Delivery(message.offset, message.timestamp, batch))
    return Decoded(deliveries, poison, join([delivery.batch for delivery in deliveries]))


def _check(rows: Rows) -> None:
    columns = rows.columns
    for field, column in zip(columns.schema, columns, strict=True):
        if not field.nullable and column.null_count:
            raise wire.WireError(f"column {field.name} has nulls")
        if pa.types.is_dictionary(field.type) and column.dictionary.null_count:
            raise wire.WireError(f"column {field.name} has nulls")
        if pa.types.is_map(field.type) and column.items.null_count:
            raise wire.WireError(f"column {field.name} has nulls")
    for name, values in (("reporter", wire.Reporter), ("protocol", wire.Protocol)):
        found = set(pc.unique(columns[name]).to_pylist())
        if not found <= set(map(int, values)):
            raise wire.WireError(f"column {name} has a value outside {[int(v) for v in values]}")
    starts = rows.numbers("interval_start")
    if starts.size and not 0 <= starts.min() <= starts.max() <= LAST_SECOND * 1_000_000_000:
        raise wire.WireError("column interval_start has a time outside 1970-2106")
    for name in wire.DISTRIBUTIONS:
        if np.any(columns[f"{name}_histogram"].keys.to_numpy() >= wire.HISTOGRAM_BUCKETS):
            raise wire.WireError(f"column {name}_histogram has an unknown bucket")
