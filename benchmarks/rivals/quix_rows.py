"""The stream by quixstreams, row by row: tumbling windows with state, and a batching sink.

Runs in an environment of its own: quixstreams wants an older confluent-kafka than flowatlas.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import clickhouse_connect
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch

from benchmarks.rivals.rows import WINDOW, Resolver, Row, Writer, add, measures

GRACE_MS = 5_000
BLOCK = 10_000


class ClickHouseSink(BatchingSink):  # type: ignore[misc]
    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def write(self, batch: SinkBatch) -> None:
        for rows in batch.iter_chunks(BLOCK):
            self._writer.insert([item.value["value"] for item in rows])


def reduce(total: Row, row: Row) -> Row:
    return add(total, measures(row))


def run(arguments: dict[str, Any]) -> None:
    app = Application(
        broker_address=arguments["kafka"],
        consumer_group=arguments["group"],
        auto_offset_reset="earliest",
        state_dir=arguments["state"],
        use_changelog_topics=False,
        loglevel="WARNING",
    )
    resolver = Resolver(arguments["inventory"], arguments["ip_ranges"])
    writer = Writer(clickhouse_connect.get_client(**arguments["clickhouse"]), arguments["columns"])

    def first(row: Row) -> Row:
        if "measures" not in row:
            return {}
        return resolver.resolve(row) | measures(row)

    flows = app.dataframe(app.topic(arguments["topic"], value_deserializer="json"))
    sums = flows.tumbling_window(WINDOW * 1000, grace_ms=GRACE_MS).reduce(reduce, first)
    sums.final(closing_strategy="partition").sink(ClickHouseSink(writer))
    print("ready", flush=True)
    app.run()


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
