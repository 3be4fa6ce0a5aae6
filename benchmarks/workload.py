"""Flow batches as the agents of a made-up cluster send them, from a fixed seed.

Each node sends one message an interval with a row for each conversation of its pods that had
traffic; of a conversation between pods both nodes tell. `python -m benchmarks.workload` says how
large messages and rows are and how fast they are made.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import wire
from benchmarks import measures
from benchmarks.cluster import Array, Cluster, Shape, identity

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
TICK = 1 << 24
"""Agents round times to this many nanoseconds."""

Columns = dict[str, pa.Array]

START = 1_767_600_000 * SECOND


class Message(NamedTuple):
    """A Kafka message, and what it holds. timestamp: Unix milliseconds. traffic: application bytes
    that its rows stand for."""

    node: str
    headers: wire.Headers
    value: bytes
    timestamp: int
    rows: pa.RecordBatch
    flow_rows: int
    traffic: int


class Reports(NamedTuple):
    """Of each row of an interval: its place among the active conversations, whether the client's
    end reports, and the reporting pod. In order of the pods' nodes."""

    active: Array
    client: Array
    pod: Array


def messages(
    cluster: Cluster, intervals: int, start: int = START, nodes: int | None = None
) -> Iterator[Message]:
    """The messages of so many intervals, in order of time. start: Unix nanoseconds, a multiple of
    the interval. nodes: those of the first so many only."""
    length = cluster.shape.interval_seconds * SECOND
    shipped = np.zeros((cluster.nodes, 2), np.int64)
    for number in range(intervals):
        since = start + number * length
        generations = cluster.generation((since - start) / HOUR)
        rows, pods = _interval(cluster, since, generations, number)
        bounds = np.searchsorted(cluster.node_of[pods], np.arange(cluster.nodes + 1)).tolist()
        for node in range(cluster.nodes if nodes is None else nodes):
            own = slice(bounds[node], bounds[node + 1])
            mine = {name: column[own] for name, column in rows.items()}
            batch = _batch(cluster, node, mine, pods[own], generations)
            traffic = _traffic(batch)
            shipped[node] += batch.num_rows, traffic
            origin = wire.Origin(
                cluster.node_name(node), f"{node:032x}", number, _ledger(*shipped[node].tolist())
            )
            sent = (since + length) // 1_000_000 + 40 + node % 100
            yield Message(
                node=origin.node,
                headers=wire.headers(origin),
                value=wire.encode(batch),
                timestamp=sent,
                rows=batch,
                flow_rows=batch.num_rows,
                traffic=traffic,
            )


def _interval(
    cluster: Cluster, since: int, generations: Array, number: int
) -> tuple[dict[str, pa.Array], Array]:
    """All nodes' rows of one interval, and the reporting pod of each."""
    random = np.random.default_rng((cluster.shape.seed, number))
    talk = cluster.conversations
    active = np.flatnonzero(random.random(len(talk.client)) < cluster.shape.active)
    reports = _reports(cluster, active)
    of = active[reports.active]
    tcp = talk.protocol[active] == wire.Protocol.TCP
    drawn = measures.draw(talk.port[active], tcp, talk.kept[active], random)
    volumes = measures.Volumes(*(column[reports.active] for column in drawn))
    length = cluster.shape.interval_seconds * SECOND
    columns = {
        **_times(since, length, len(of), random),
        **_ends(cluster, of, reports.client, generations, number),
        **measures.counters(volumes, reports.client, tcp[reports.active], random),
        **_distributions(volumes, reports.client, tcp[reports.active], talk.base_rtt[of], random),
    }
    return columns, reports.pod


def _reports(cluster: Cluster, active: Array) -> Reports:
    talk = cluster.conversations
    places = np.arange(len(active))
    by_client, by_server = talk.client[active] >= 0, talk.server[active] >= 0
    place = np.concatenate([places[by_client], places[by_server]])
    client = np.arange(len(place)) < by_client.sum()
    of = active[place]
    pod = np.where(client, talk.client[of], talk.server[of])
    order = np.argsort(cluster.node_of[pod], kind="stable")
    return Reports(place[order], client[order], pod[order])


def _times(since: int, length: int, count: int, random: np.random.Generator) -> Columns:
    begin = since + random.integers(0, length // 2, count)
    end = since + length - random.integers(0, length // 10, count)
    begin = np.maximum(begin // TICK * TICK, since)
    end = -(-end // TICK) * TICK
    kind = wire.SCHEMA.field("interval_start").type
    return {
        "interval_start": pa.array(begin).cast(kind),
        "interval_end": pa.array(end).cast(kind),
    }


def _ends(
    cluster: Cluster, of: Array, by_client: Array, generations: Array, number: int
) -> Columns:
    talk = cluster.conversations
    client, server = talk.client[of], talk.server[of]
    away = talk.outside[of] + np.where(client < 0, 977 * number, 0)
    outside = cluster.outside_addresses(away)
    pods = [cluster.pod_addresses(pod, generations[pod]) for pod in (client, server)]
    clients = np.where(client >= 0, pods[0], outside)
    servers = np.where(server >= 0, pods[1], outside)
    translated = by_client & talk.by_service[of]
    fronts = cluster.service_addresses(cluster.workload_of[server])
    return {
        "reporter": pa.array(np.where(by_client, 1, 2).astype(np.uint8)),
        "role_certain": pa.array(np.ones(len(of), bool)),
        "protocol": pa.array(talk.protocol[of]),
        "client_address": _addresses(clients),
        "server_address": _addresses(np.where(translated, fronts, servers)),
        "server_port": pa.array(talk.port[of]),
        "backend_address": _addresses(servers, translated),
        "backend_port": pa.array(talk.port[of], mask=~translated),
    }


def _addresses(packed: Array, valid: Array | None = None) -> pa.Array:
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(np.ascontiguousarray(packed))]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(packed), buffers)


def _distributions(
    volumes: measures.Volumes, client: Array, tcp: Array, base: Array, random: np.random.Generator
) -> Columns:
    """An RTT sample for every second packet that the reporting end sent; every connection's
    latency at its client."""
    sent = np.where(client, volumes.packets_to_server, volumes.packets_to_client)
    samples = (sent + 1) // 2 * tcp
    opened = volumes.opened * client
    return {
        **measures.distribution("rtt", samples, base, 0.15, random),
        **measures.distribution("connect_latency", opened, base, 0.3, random),
    }


def _batch(
    cluster: Cluster, node: int, rows: Columns, pods: Array, generations: Array
) -> pa.RecordBatch:
    """Rows of one node and their pods, in the wire's schema with dictionaries of their own."""
    first = node * cluster.shape.pods_per_node
    living = enumerate(generations[first : first + cluster.shape.pods_per_node].tolist(), first)
    identities = [identity(pod, generation) for pod, generation in living]
    slot = pa.array((pods - first).astype(np.int32))
    generation = generations[pods]
    made = {
        "cgroup_id": pa.array((20_000 + 37 * (pods - first) + 4_000 * generation).astype("u8")),
        "pod_uid": pa.DictionaryArray.from_arrays(slot, pa.array([uid for uid, _ in identities])),
        "container_id": pa.DictionaryArray.from_arrays(
            slot, pa.array([container for _, container in identities])
        ),
    }
    for name, column in rows.items():
        made[name] = column.dictionary_encode() if name.endswith("_address") else column
    return pa.RecordBatch.from_arrays(
        [made[name] for name in wire.SCHEMA.names], schema=wire.SCHEMA
    )


def _traffic(rows: pa.RecordBatch) -> int:
    directions = (rows["bytes_to_server"], rows["bytes_to_client"])
    return sum(pc.sum(column).as_py() or 0 for column in directions)


def _ledger(rows: int, volume: int) -> wire.Ledger:
    """An account in which nothing was lost, of three records a row."""
    return wire.Ledger(
        kernel_records=3 * rows,
        kernel_bytes=volume,
        agent_records=3 * rows,
        agent_bytes=volume,
        shipped_rows=rows,
        shipped_bytes=volume,
    )


@click.command()
@click.option("--pods", default=10_000, help="Pods of the cluster.")
@click.option("--intervals", default=3, help="Intervals to make messages of.")
def main(pods: int, intervals: int) -> None:
    """Make messages, and say how large they are and how fast they were made."""
    cluster = Cluster(Shape(pods=pods))
    _ = cluster.conversations
    began = time.process_time()
    made = [(message.rows.num_rows, len(message.value)) for message in messages(cluster, intervals)]
    took = time.process_time() - began
    rows, size = map(sum, zip(*made, strict=True))
    print(f"{len(made):,} messages of {rows / len(made):,.0f} rows, {size / rows:.1f} bytes a row")
    print(f"{rows / took:,.0f} rows made in a second of one core")


if __name__ == "__main__":
    main()
