"""A Faust worker of a few lines that prints what it reads; run by test_kafka_broker."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable

import faust

app = faust.App(
    "echo",
    broker=f"kafka://{os.environ['BROKER']}",
    store="memory://",
    value_serializer="raw",
    topic_allow_declare=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)


@app.agent(app.topic("flows", value_type=bytes))
async def echo(values: AsyncIterable[bytes]) -> None:
    async for value in values:
        print(f"read {value.decode()}", flush=True)
