"""A plan for a larger site from the unit costs of a benchmark: the sums of docs/scaling.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import click

from benchmarks.cluster import Shape

SHAPE = Shape()
DAY = 86_400
BUSY = 0.6
"""Share of a processor, disk or link that is planned to be in use."""

REPLICATION = 3
KAFKA_DAYS = 3
COPIES = 2
"""ClickHouse's replicas of a shard: one inserts, the other fetches the part; both merge."""

SERVER_CORES = 16
PARTITIONS_EACH = 2
"""So that the partitions of a worker that is lost go to two others."""

INTERVALS = {"flows_10s": 2, "flows_1m": 12, "flows_1h": 720}
RETENTION_DAYS = {"flows_10s": 3, "flows_1m": 30, "flows_1h": 395}

Line = tuple[str, str, str]
"""What, the sum, its result."""


def merged_reduction(level: str) -> float:
    """Flow rows to a row once everything is merged: each of the generator's conversations has a row
    in an interval in which it has traffic, and one in a window in which it had any."""
    count = INTERVALS[level]
    return count * SHAPE.active / (1 - (1 - SHAPE.active) ** count)


def plan(costs: dict[str, float], rate: int, nodes: int) -> Iterator[Line]:
    """costs: figures of the stream's main run by name; rate: flow rows a second of all nodes."""
    yield from _kafka(costs, rate, nodes)
    yield from _workers(costs, rate)
    yield from _clickhouse(costs, rate)
    yield from _disk(costs, rate)


def _kafka(costs: dict[str, float], rate: int, nodes: int) -> Iterator[Line]:
    each = rate * SHAPE.interval_seconds / nodes
    messages = nodes / SHAPE.interval_seconds
    yield "messages", f"{nodes:,} nodes / {SHAPE.interval_seconds} s", f"{messages:,.0f}/s"
    yield "rows a message", f"{rate:,} / {messages:,.0f}", f"{each:,.0f}"
    wire = costs["stream: on the wire"]
    produced = rate * wire / 1e6
    yield "produced", f"{rate:,} × {wire:.1f} B", f"{produced:.1f} MB/s"
    written = produced * REPLICATION
    yield "written by all brokers", f"{produced:.1f} × {REPLICATION}", f"{written:.0f} MB/s"
    sent = produced * REPLICATION
    yield (
        "sent by all brokers",
        f"{produced:.1f} × ({REPLICATION - 1} replicas + 1 worker)",
        f"{sent:.0f} MB/s",
    )
    kept = written * DAY * KAFKA_DAYS / 1e6
    yield "kept by all brokers", f"{written:.0f} MB/s × {KAFKA_DAYS} d", f"{kept:.1f} TB"


def _workers(costs: dict[str, float], rate: int) -> Iterator[Line]:
    cost = costs["stream: worker"]
    cores = rate / 1e6 * cost
    yield "workers' processors", f"{rate / 1e6} M/s × {cost:.2f} CPU-s/M", f"{cores:.1f} cores"
    workers = ceil(cores / BUSY) + 1
    yield "workers", f"⌈{cores:.1f} / {BUSY}⌉ + 1", f"{workers}"
    yield "partitions of flows", f"{workers} × {PARTITIONS_EACH}", f"{workers * PARTITIONS_EACH}"
    memory = costs["stream: worker's memory"]
    total = workers * memory / 1000
    yield "workers' memory", f"{workers} × {memory:,.0f} MB", f"{total:.1f} GB"


def _clickhouse(costs: dict[str, float], rate: int) -> Iterator[Line]:
    received = costs["clickhouse: received"] * costs["stream: reduction flows_10s"]
    megabytes = rate * received / 1e6
    yield "workers to ClickHouse", f"{rate:,} × {received:.0f} B", f"{megabytes:,.0f} MB/s"
    insert, merge = costs["clickhouse: inserts"], costs["clickhouse: merge to one"]
    levels = len(INTERVALS)
    cores = rate / 1e6 * (levels * insert + COPIES * merge)
    summed = f"{rate / 1e6} M/s × ({levels} × {insert:.1f} + {COPIES} × {merge:.1f}) CPU-s/M"
    yield "ClickHouse's processors", summed, f"{cores:.0f} cores"
    shards = ceil(cores / BUSY / SERVER_CORES / COPIES)
    summed = f"⌈{cores:.0f} / {BUSY} / {SERVER_CORES} cores / {COPIES} replicas⌉"
    yield "shards", summed, f"{shards} of {COPIES} replicas"


def _disk(costs: dict[str, float], rate: int) -> Iterator[Line]:
    total = 0.0
    for level, days in RETENTION_DAYS.items():
        size, reduction = costs[f"clickhouse: disk {level}"], merged_reduction(level)
        kept = rate / reduction * size * days * DAY / 1e12
        total += kept
        summed = f"{rate:,} / {reduction:.2f} × {size:.1f} B × {days} d"
        yield f"disk, {level}", summed, f"{kept:.1f} TB"
    disk = total * COPIES / BUSY
    yield "disk of all servers", f"{total:.1f} TB × {COPIES} / {BUSY}", f"{disk:.0f} TB"


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rate", default=500_000, help="Flow rows a second.")
@click.option("--nodes", default=5_000, help="Nodes that send them.")
def main(results: Path, rate: int, nodes: int) -> None:
    """Print the plan as Markdown, from the JSON that `make bench` kept."""
    costs = {figure["what"]: figure["value"] for figure in json.loads(results.read_bytes())}
    print("| what | sum | result |\n| --- | --- | --- |")
    for line in plan(costs, rate, nodes):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
