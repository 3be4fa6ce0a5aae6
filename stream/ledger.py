"""The agents' running accounts beside what the stream itself counted: a row per batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sql.schema import AGENT_LEDGER, LEDGER, REPEATED_BATCHES
from stream.columns import Rows
from stream.decode import Delivery
from stream.ranges import Range


def ledger_rows(deliveries: Sequence[Delivery], rows: Rows, cluster: str) -> pa.Table:
    """The rows of table agent_ledger, `time` by the agent's clock: pure, as the window rows are.

    rows: the deliveries' own.
    """
    accounts = [delivery.batch.origin.ledger for delivery in deliveries]
    ends = np.cumsum(rows.sizes)
    starts = ends - rows.sizes
    columns = {
        **_batches(deliveries, cluster),
        **{name: [getattr(account, name) for account in accounts] for name in LEDGER},
        "stream_rows": rows.sizes,
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
    deliveries: Sequence[Delivery], rows: Rows, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """The newest interval end of each batch; of one without rows, when it was sent."""
    newest = np.array([_milliseconds(delivery) for delivery in deliveries], np.int64)
    (told,) = np.nonzero(ends > starts)
    if told.size:
        instants = rows.numbers("interval_end")
        newest[told] = np.maximum.reduceat(instants, starts[told]) // 1_000_000
    return newest


def _traffic(rows: Rows, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Application bytes of each batch in both directions."""
    both = rows.numbers("bytes_to_server") + rows.numbers("bytes_to_client")
    until = np.concatenate([np.zeros(1, np.uint64), np.cumsum(both)])
    found: np.ndarray = until[ends] - until[starts]
    return found
