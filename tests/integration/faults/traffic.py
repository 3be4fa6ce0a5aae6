"""Batches as agents send them, in any amount, and the truth about all that was sent."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from confluent_kafka import Producer

from agent import wire
from stream.addresses import pack

SECOND = 1_000_000_000
ROWS = 200
NODES = 12
SPREAD = 90
"""Seconds that a batch's rows are spread over: several windows of every level but the last."""

CLIENTS = pa.array([pack(f"10.0.0.{number}") for number in range(16)], pa.binary(16))
SERVERS = pa.array([pack(f"10.1.0.{number}") for number in range(4)], pa.binary(16))
PORTS = np.array([443, 5432], np.uint16)
BUCKET = 7
REASON = "NO_SOCKET"
DRAWN = (
    *("bytes_to_server", "bytes_to_client", "packets_to_server", "packets_to_client"),
    *("connections_established", "retransmitted_segments", "dropped_packets"),
    *("rtt_count", "rtt_sum", "rtt_min", "rtt_max"),
)


@dataclass(frozen=True)
class Sent:
    """One batch, its message, and what the tables should make of it."""

    node: str
    sequence: int
    value: bytes
    headers: wire.Headers
    rows: pa.RecordBatch


def draw(seed: np.random.Generator, start: int, rows: int) -> pa.RecordBatch:
    """Rows in wire.SCHEMA. start: Unix seconds before which none began."""
    starts = start * SECOND + seed.integers(0, SPREAD * SECOND, rows)
    columns: dict[str, Any] = {
        "interval_start": _instants(starts),
        "interval_end": _instants(starts + SECOND),
        "reporter": np.full(rows, wire.Reporter.CLIENT, np.uint8),
        "role_certain": np.ones(rows, bool),
        "protocol": np.full(rows, wire.Protocol.TCP, np.uint8),
        "client_address": _words(seed, CLIENTS, rows),
        "server_address": _words(seed, SERVERS, rows),
        "server_port": seed.choice(PORTS, rows),
        "rtt_histogram": _maps(pa.array(np.full(rows, BUCKET, np.uint8)), seed, rows),
        "drop_reasons": _maps(pa.array([REASON] * rows), seed, rows),
    }
    limits = {"bytes_to_server": 1 << 40, "bytes_to_client": 1 << 40}
    for name in DRAWN:
        kind = wire.SCHEMA.field(name).type.to_pandas_dtype()
        columns[name] = seed.integers(1, limits.get(name, 1 << 16), rows).astype(kind)
    arrays = [
        pa.array(columns[f.name]) if f.name in columns else _none(f, rows) for f in wire.SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wire.SCHEMA)


class Traffic:
    """Sends to one topic as the agents of NODES nodes, and keeps what it sent."""

    def __init__(self, address: str, topic: str, start: int, seed: int = 0) -> None:
        self.address = address
        self.topic = topic
        self.sent: list[Sent] = []
        self._start = start
        self._drawn = np.random.default_rng(seed)
        self._next = dict.fromkeys(range(NODES), 0)
        self.producer = Producer(
            {
                "bootstrap.servers": address,
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )

    def send(self, batches: int, rows: int = ROWS, version: wire.Codec = wire.CODEC) -> list[Sent]:
        """That many batches of the nodes in turn; returns when Kafka has them."""
        made = [self.make(rows, version) for _ in range(batches)]
        self.post(made)
        return made

    def make(self, rows: int = ROWS, version: wire.Codec = wire.CODEC) -> Sent:
        """A batch that belongs to the truth from now on."""
        number = len(self.sent) % NODES
        sequence = self._next[number]
        self._next[number] += 1
        node = f"node-{number}"
        drawn = draw(self._drawn, self._start, rows)
        origin = wire.Origin(node, f"agent-of-{node}", sequence, wire.Ledger())
        widened = [drawn["packets_to_server"]] * (len(version.schema) - len(wire.SCHEMA))
        written = pa.RecordBatch.from_arrays([*drawn.columns, *widened], schema=version.schema)
        made = Sent(node, sequence, version.encode(written), version.headers(origin), drawn)
        self.sent.append(made)
        return made

    @contextmanager
    def flowing(self, per_second: float) -> Iterator[None]:
        """One batch after the other, from another thread, until the end of the block."""
        stopped = threading.Event()

        def flow() -> None:
            while not stopped.wait(1 / per_second):
                self._give(self.make())

        sending = threading.Thread(target=flow)
        sending.start()
        try:
            yield
        finally:
            stopped.set()
            sending.join()
            assert self.producer.flush(60) == 0

    def post(self, batches: Iterable[Sent], partitions: int = 0) -> None:
        """Send, also again. partitions: by chance over so many, instead of by node."""
        for made in batches:
            self._give(made, random.randrange(partitions) if partitions else None)
        assert self.producer.flush(60) == 0

    def _give(self, made: Sent, partition: int | None = None) -> None:
        given = (self.topic, made.value, made.node.encode())
        place = -1 if partition is None else partition  # -1 is by the key
        self.producer.produce(*given, place, headers=dict(made.headers))
        self.producer.poll(0)


def _instants(nanoseconds: np.ndarray) -> pa.Array:
    return pa.array(nanoseconds).cast(pa.timestamp("ns", "UTC"))


def _words(seed: np.random.Generator, words: pa.Array, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(seed.integers(0, len(words), rows).astype(np.int32)), words
    )


def _maps(keys: pa.Array, seed: np.random.Generator, rows: int) -> pa.MapArray:
    counts = pa.array(seed.integers(1, 1 << 16, rows).astype(np.uint64))
    return pa.MapArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32)), keys, counts)


def _none(field: pa.Field, rows: int) -> pa.Array:
    if field.nullable:
        return pa.nulls(rows, field.type)
    return pa.array([[] if pa.types.is_map(field.type) else 0] * rows, field.type)
