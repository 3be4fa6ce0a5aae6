"""The stream as a plain Faust agent over JSON rows: taken by thousands, summed in a dictionary."""

from __future__ import annotations

import json
import sys
from typing import Any

import clickhouse_connect
import faust

from benchmarks.rivals.rows import DIMENSIONS, Resolver, Row, Writer, add, measures

BLOCK, SECONDS = 10_000, 2.0


def build(arguments: dict[str, Any]) -> faust.App:
    app = faust.App(
        arguments["group"],
        broker=f"kafka://{arguments['kafka']}",
        value_serializer="json",
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        web_enabled=False,
        datadir=arguments["state"],
    )
    topic = app.topic(arguments["topic"], value_serializer="json")
    resolver = Resolver(arguments["inventory"], arguments["ip_ranges"])
    writer = Writer(clickhouse_connect.get_client(**arguments["clickhouse"]), arguments["columns"])

    @app.agent(topic)
    async def flows(stream: Any) -> None:
        async for rows in stream.take(BLOCK, within=SECONDS):
            sums: dict[tuple[Any, ...], Row] = {}
            for row in rows:
                if "measures" not in row:
                    continue
                found = resolver.resolve(row)
                key = tuple(found[name] for name in DIMENSIONS)
                if key in sums:
                    add(sums[key], measures(row))
                else:
                    sums[key] = found | measures(row)
            writer.insert(list(sums.values()))

    print("ready", flush=True)
    return app


if __name__ == "__main__":
    application = build(json.loads(sys.argv[1]))
    faust.Worker(application, loglevel="warning").execute_from_commandline()
