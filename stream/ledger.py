"""The agents' running accounts beside what the stream itself counted: a row per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

import pyarrow as pa
import pyarrow.compute as pc

from agent.wire import Ledger
from stream.decode import Delivery

SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ms", "UTC")),
        ("cluster", pa.string()),
        ("node", pa.string()),
        ("agent", pa.string()),
        ("sequence", pa.uint64()),
        *((field.name, pa.uint64()) for field in fields(Ledger)),
        ("stream_rows", pa.uint64()),
        ("stream_bytes", pa.uint64()),
    ]
)


def ledger_rows(deliveries: Sequence[Delivery], cluster: str) -> pa.Table:
    """The rows of table agent_ledger, `time` by the agent's clock: pure, as the window rows are."""
    return pa.Table.from_pylist(
        [
            {
                "time": round(delivery.timestamp * 1000),
                "cluster": cluster,
                "node": delivery.batch.origin.node,
                "agent": delivery.batch.origin.agent,
                "sequence": delivery.batch.origin.sequence,
                **asdict(delivery.batch.origin.ledger),
                "stream_rows": delivery.batch.rows.num_rows,
                "stream_bytes": traffic(delivery.batch.rows),
            }
            for delivery in deliveries
        ],
        SCHEMA,
    )


def traffic(rows: pa.RecordBatch | pa.Table) -> int:
    """Application bytes in both directions."""
    totals = (pc.sum(rows[name]).as_py() or 0 for name in ("bytes_to_server", "bytes_to_client"))
    return sum(totals)
