"""What the conversations of one interval moved and suffered, drawn at random.

Bytes are log-normal around their port's usual request and answer with a Pareto tail; RTTs jitter
around the conversation's own. Most measures are zero in most rows; of the rows that could have
them, these shares are not:

    retransmissions 2 %, RTO 0.5 %, segments out of order 1 %, packets dropped 0.2 %, resets 0.5 %,
    refused, timed out, closed windows, SYN again 0.1 % each, unreachable, half open, handshake
    reset, listener overflow and datagram errors 0.02 % each
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.wire import HISTOGRAM_BUCKETS

Array = NDArray[Any]
Columns = dict[str, pa.Array]

SEGMENT = 1_448
SAMPLES = 4
DROP_REASONS = ("NETFILTER_DROP", "TCP_OFOMERGE", "SOCKET_RCVBUFF", "NO_SOCKET")
_USUAL = {
    53: (40, 120),
    80: (600, 4_000),
    443: (900, 6_000),
    3306: (400, 2_000),
    5432: (300, 1_200),
    6379: (80, 200),
    8080: (700, 5_000),
    9092: (2_000, 150),
    50051: (250, 400),
}
_REQUEST, _ANSWER = np.ones(1 << 16, np.float32), np.ones(1 << 16, np.float32)
for _port, (_request, _answer) in _USUAL.items():
    _REQUEST[_port], _ANSWER[_port] = _request, _answer


class Volumes(NamedTuple):
    """What both ends of each conversation agree upon: uint64 columns."""

    to_server: Array
    to_client: Array
    packets_to_server: Array
    packets_to_client: Array
    opened: Array


def draw(ports: Array, tcp: Array, kept: Array, random: np.random.Generator) -> Volumes:
    """kept: over a connection that stays open; the others open one a request."""
    count = len(ports)
    requests = (1 + random.poisson(4, count)).astype(np.uint64)
    size = np.exp(random.standard_normal(count, np.float32) * 0.8) * requests
    large = _where(count, 0.02, random)
    size[large] *= 1 + random.pareto(1.2, len(large))
    answers = size * np.exp(random.standard_normal(count, np.float32) * 0.5)
    to_server = (_REQUEST[ports] * size).astype(np.uint64)
    to_client = (_ANSWER[ports] * answers).astype(np.uint64)
    opened = np.where(kept, random.random(count) < 0.01, requests).astype(np.uint64)
    return Volumes(
        to_server,
        to_client,
        requests + to_server // SEGMENT,
        requests + to_client // SEGMENT,
        opened * tcp,
    )


def counters(volumes: Volumes, client: Array, tcp: Array, random: np.random.Generator) -> Columns:
    """All additive columns of the wire, of the reports of rows with these volumes. client: whether
    the client's end reports."""
    count = len(client)

    def rare(share: float, most: int = 1, among: Array | None = None) -> Array:
        values = np.zeros(count, np.uint64)
        at = _where(count, share, random)
        values[at] = random.integers(1, most + 1, len(at))
        return values if among is None else values * among

    server = ~client
    refused, timed_out = rare(0.001, among=client & tcp), rare(0.001, among=client & tcp)
    retransmitted = rare(0.02, 3, tcp)
    out_of_order = rare(0.01, 4, tcp)
    found = {
        "bytes_to_server": volumes.to_server,
        "bytes_to_client": volumes.to_client,
        "packets_to_server": volumes.packets_to_server + retransmitted * client,
        "packets_to_client": volumes.packets_to_client + retransmitted * server,
        "connections_attempted": (volumes.opened + refused + timed_out) * client,
        "connections_established": volumes.opened,
        "connections_closed": volumes.opened,
        "connections_refused": refused,
        "connections_timed_out": timed_out,
        "connections_reset": rare(0.005, among=tcp),
        "retransmitted_segments": retransmitted,
        "retransmitted_bytes": retransmitted * SEGMENT,
        "retransmission_timeouts": rare(0.005, among=tcp),
        "resets_sent": rare(0.005, among=tcp),
        "resets_received": rare(0.005, among=tcp),
        "connections_unreachable": rare(0.0002, among=client & tcp),
        "connections_handshake_reset": rare(0.0002, among=server & tcp),
        "connections_half_open": rare(0.0002, among=server & tcp),
        "listen_overflows": rare(0.0002, among=server & tcp),
        "retransmitted_syns": rare(0.001, among=tcp),
        "zero_windows_sent": rare(0.001, among=tcp),
        "zero_windows_received": rare(0.001, among=tcp),
        "out_of_order_segments": out_of_order,
        "dropped_packets": rare(0.002, 3),
        "datagram_errors": rare(0.0002, among=~tcp),
    }
    columns = {name: pa.array(values) for name, values in found.items()}
    columns["drop_reasons"] = _reasons(found["dropped_packets"], random)
    return columns


def distribution(
    name: str, counts: Array, base: Array, jitter: float, random: np.random.Generator
) -> Columns:
    """The five columns of a distribution with so many samples, around `base` microseconds.

    Four samples are drawn; of more, the rest is like the first, so that all five columns agree.
    """
    at = np.flatnonzero(counts)
    had, some = counts[at].astype(np.int64), base[at]
    draws = np.exp(random.standard_normal((len(at), SAMPLES), np.float32) * np.float32(jitter))
    samples = (some[:, None] * draws).astype(np.uint32) + 32
    taken = np.arange(SAMPLES) < had[:, None]
    weights = taken.astype(np.uint64)
    weights[:, 0] += np.maximum(had - SAMPLES, 0).astype(np.uint64)
    sums = np.zeros(len(counts), np.uint64)
    sums[at] = (samples * weights).sum(axis=1)
    extremes = {}
    for extreme, ignored, reduce in (("min", 2**32 - 1, np.min), ("max", 0, np.max)):
        values = np.zeros(len(counts), np.uint32)
        values[at] = reduce(np.where(taken, samples, np.uint32(ignored)), axis=1)
        extremes[f"{name}_{extreme}"] = pa.array(values, mask=counts == 0)
    return {
        f"{name}_count": pa.array(counts.astype(np.uint64)),
        f"{name}_sum": pa.array(sums),
        **extremes,
        f"{name}_histogram": _histogram(samples, weights, at, len(counts)),
    }


def _histogram(samples: Array, weights: Array, at: Array, rows: int) -> pa.MapArray:
    exponents = np.frexp(samples.astype(np.float32))[1] - 1
    buckets = np.clip(exponents - 4, 0, HISTOGRAM_BUCKETS - 1).astype(np.uint8)
    order = np.argsort(buckets, axis=1, kind="stable")
    buckets = np.take_along_axis(buckets, order, axis=1)
    weights = np.take_along_axis(weights, order, axis=1)
    running = np.cumsum(weights, axis=1)
    last = np.ones(buckets.shape, bool)
    last[:, :-1] = buckets[:, 1:] != buckets[:, :-1]
    # Of equal buckets the last stands for all; where no sample falls into a bucket it is no entry.
    totals = running[last]
    row = np.nonzero(last)[0]
    first = np.ones(len(row), bool)
    first[1:] = row[1:] != row[:-1]
    totals = totals - np.where(first, 0, np.concatenate([[np.uint64(0)], totals[:-1]]))
    used = totals > 0
    sizes = np.zeros(rows, np.int64)
    sizes[at] = np.bincount(row[used], minlength=len(at))
    return _maps(sizes, pa.array(buckets[last][used]), totals[used])


def _reasons(dropped: Array, random: np.random.Generator) -> pa.MapArray:
    at = np.flatnonzero(dropped)
    words: Sequence[str] = [DROP_REASONS[i] for i in random.integers(0, 4, len(at)).tolist()]
    return _maps((dropped > 0).astype(np.int64), pa.array(words, pa.string()), dropped[at])


def _maps(sizes: Array, keys: pa.Array, items: Array) -> pa.MapArray:
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), keys, pa.array(items.astype(np.uint64)))


def _where(count: int, share: float, random: np.random.Generator) -> Array:
    return random.integers(0, max(count, 1), random.binomial(count, share))
