"""The agents' running accounts beside what the stream itself counted: a row per batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from agent import wire
from sql.schema import AGENT_LEDGER, LEDGER, REPEATED_BATCHES
from stream.decode import Delivery
from stream.ranges import Range


def ledger_rows(deliveries: Sequence[Delivery], cluster: str) -> pa.Table:
    """The rows of table agent_ledger, `time` by the agent's clock: pure, as the window rows are."""
    batches = [delivery.batch for delivery in deliveries]
    rows = pa.Table.from_batches([batch.rows for batch in batches], wire.SCHEMA)
    sizes = np.array([batch.rows.num_rows for batch in batches], np.int64)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    columns = {
        **_batches(deliveries, cluster),
        **{name: [getattr(batch.origin.ledger, name) for batch in batches] for name in LEDGER},
        "stream_rows": sizes,
        "stream_bytes": _traffic(rows, starts, ends),
        "newest": _newest(deliveries, rows, starts, ends),
    }
    return _table(columns, AGENT_LEDGER)


def repeat_rows(repeated: Sequence[Delivery], closed: Range, cluster: str) -> pa.Table:
    """The rows of table repeated_batches: messages of a range that are not inserted again."""
    columns = {
        **_batches(repeated, cluster),
        "topic": [closed.topic] * len(repeated),
        "partition": [closed.partition] * len(repeated),
        "offset": [delivery.offset for delivery in repeated],
    }
    return _table(columns, REPEATED_BATCHES)


def _table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _batches(deliveries: Sequence[Delivery], cluster: str) -> dict[str, Any]:
    origins = [delivery.batch.origin for delivery in deliveries]
    return {
        "time": [_milliseconds(delivery) for delivery in deliveries],
        "cluster": [cluster] * len(origins),
        "node": [origin.node for origin in origins],
        "agent": [origin.agent for origin in origins],
        "sequence": [origin.sequence for origin in origins],
    }


def _milliseconds(delivery: Delivery) -> int:
    return round(delivery.timestamp * 1000)


def _newest(
    deliveries: Sequence[Delivery], rows: pa.Table, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """The newest interval end of each batch; of one without rows, when it was sent."""
    newest = np.array([_milliseconds(delivery) for delivery in deliveries], np.int64)
    (told,) = np.nonzero(ends > starts)
    if told.size:
        instants = _integers(rows["interval_end"], np.int64)
        newest[told] = np.maximum.reduceat(instants, starts[told]) // 1_000_000
    return newest


def _traffic(rows: pa.Table, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Application bytes of each batch in both directions."""
    both = _integers(rows["bytes_to_server"], np.uint64)
    both = both + _integers(rows["bytes_to_client"], np.uint64)
    until = np.concatenate([np.zeros(1, np.uint64), np.cumsum(both)])
    found: np.ndarray = until[ends] - until[starts]
    return found


def _integers(column: pa.ChunkedArray, kind: type) -> np.ndarray:
    """As integers of 64 bits."""
    values: np.ndarray = column.to_numpy().view(kind)
    return values
