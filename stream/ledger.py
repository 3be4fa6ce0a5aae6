"""The agents' running accounts beside what the stream itself counted: a row per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sql.schema import AGENT_LEDGER, REPEATED_BATCHES
from stream.decode import Delivery
from stream.ranges import Range


def ledger_rows(deliveries: Sequence[Delivery], cluster: str) -> pa.Table:
    """The rows of table agent_ledger, `time` by the agent's clock: pure, as the window rows are."""
    return pa.Table.from_pylist(
        [
            {
                **_batch(delivery, cluster),
                **asdict(delivery.batch.origin.ledger),
                "stream_rows": delivery.batch.rows.num_rows,
                "stream_bytes": traffic(delivery.batch.rows),
                "newest": _newest(delivery),
            }
            for delivery in deliveries
        ],
        AGENT_LEDGER,
    )


def repeat_rows(repeated: Sequence[Delivery], closed: Range, cluster: str) -> pa.Table:
    """The rows of table repeated_batches: messages of a range that are not inserted again."""
    return pa.Table.from_pylist(
        [
            {
                **_batch(delivery, cluster),
                "topic": closed.topic,
                "partition": closed.partition,
                "offset": delivery.offset,
            }
            for delivery in repeated
        ],
        REPEATED_BATCHES,
    )


def _batch(delivery: Delivery, cluster: str) -> dict[str, Any]:
    origin = delivery.batch.origin
    return {
        "time": _milliseconds(delivery),
        "cluster": cluster,
        "node": origin.node,
        "agent": origin.agent,
        "sequence": origin.sequence,
    }


def _milliseconds(delivery: Delivery) -> int:
    return round(delivery.timestamp * 1000)


def _newest(delivery: Delivery) -> int:
    """The newest interval end; of a batch without rows, when it was sent."""
    newest = pc.max(delivery.batch.rows["interval_end"]).value
    return _milliseconds(delivery) if newest is None else newest // 1_000_000


def traffic(rows: pa.RecordBatch | pa.Table) -> int:
    """Application bytes in both directions."""
    totals = (pc.sum(rows[name]).as_py() or 0 for name in ("bytes_to_server", "bytes_to_client"))
    return sum(totals)
