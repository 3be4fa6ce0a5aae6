"""What flow rows add up to, for the node and for each pod: the counters of port 9101.

Totals are kept as arrays and turned into samples when scraped. A scrape resets nothing, so any
number of scrapers see true counters.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from agent.arrow import numbers, parents, valid
from agent.metrics import DISTRIBUTIONS, DROPS, NODE, POD
from agent.wire import HISTOGRAM_BUCKETS, Protocol, Reporter, bucket_bounds_microseconds

Array = NDArray[Any]

OTHER, NONE = "other", "none"
"""In place of a pod's uid: pods beyond the bound, and sockets that are in no pod."""

_NODE_SLOT, _OTHER_SLOT, _NONE_SLOT = range(3)

_SERIES: tuple[tuple[str, str | None, str, str], ...] = (
    # of POD, its label's value, the row's column if the pod is the client, and if it is the server
    ("bytes", "sent", "bytes_to_server", "bytes_to_client"),
    ("bytes", "received", "bytes_to_client", "bytes_to_server"),
    ("packets", "sent", "packets_to_server", "packets_to_client"),
    ("packets", "received", "packets_to_client", "packets_to_server"),
    *(
        (family, label, column, column)
        for family, label, column in (
            ("flows", None, "flows"),
            ("connections", "attempted", "connections_attempted"),
            ("connections", "established", "connections_established"),
            ("connections", "closed", "connections_closed"),
            ("connection_failures", "refused", "connections_refused"),
            ("connection_failures", "timed_out", "connections_timed_out"),
            ("connection_failures", "unreachable", "connections_unreachable"),
            ("connection_failures", "handshake_reset", "connections_handshake_reset"),
            ("connection_failures", "half_open", "connections_half_open"),
            ("connection_failures", "listen_overflow", "listen_overflows"),
            ("connection_failures", "reset", "connections_reset"),
            ("retransmitted_segments", None, "retransmitted_segments"),
            ("retransmitted_bytes", None, "retransmitted_bytes"),
            ("retransmitted_syns", None, "retransmitted_syns"),
            ("retransmission_timeouts", None, "retransmission_timeouts"),
            ("resets", "sent", "resets_sent"),
            ("resets", "received", "resets_received"),
            ("zero_windows", "sent", "zero_windows_sent"),
            ("zero_windows", "received", "zero_windows_received"),
            ("out_of_order_segments", None, "out_of_order_segments"),
            ("datagram_errors", None, "datagram_errors"),
        )
    ),
)
_BOUNDS = [f"{bound / 1e6:g}" for bound in bucket_bounds_microseconds()] + ["+Inf"]
"""In seconds. A sample of exactly a bound is counted in the bucket above it."""


class Traffic(Collector):
    """Adds rows up.

    most_pods: pods with series of their own, 1 KB of memory each; those beyond share the series
    `other`, so that sums stay right. A pod's series end `keep_seconds` after its last row.
    """

    def __init__(
        self,
        most_pods: int = 500,
        keep_seconds: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._lock = threading.Lock()  # scrapes come from another thread
        self._pods: dict[str, int] = {}
        self._seen: dict[str, float] = {}
        slots = most_pods + 3
        self._free = list(range(_NONE_SLOT + 1, slots))
        self._sums = np.zeros((slots, len(Protocol), len(_SERIES)), "u8")
        self._node = np.zeros((len(Protocol), len(NODE)), "u8")
        self._samples = np.zeros((len(DISTRIBUTIONS), slots, HISTOGRAM_BUCKETS), "u8")
        self._microseconds = np.zeros((len(DISTRIBUTIONS), slots), "u8")
        self._drops: Counter[tuple[int, str]] = Counter()

    def start(self, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
        """Serve the counters; returns what ends it."""
        registry.register(self)
        return lambda: registry.unregister(self)

    def add(self, rows: pa.RecordBatch) -> None:
        """Count flow rows, each to be given once."""
        with self._lock:
            self._expire()
            slots = self._slots_of(rows["pod_uid"])
            protocols = (numbers(rows["protocol"]) == Protocol.UDP).astype("i8")
            columns = {name: numbers(rows[name]) for name in NODE if name != "flows"}
            columns["flows"] = np.ones(rows.num_rows, "u8")
            for index, name in enumerate(NODE):
                self._node[:, index] += _totals(protocols, columns[name], len(Protocol))
            client = numbers(rows["reporter"]) == Reporter.CLIENT
            for index, (_, _, as_client, as_server) in enumerate(_SERIES):
                values = np.where(client, columns[as_client], columns[as_server])
                if values.any():
                    shape = self._sums.shape[:2]
                    totals = _totals(slots * shape[1] + protocols, values, shape[0] * shape[1])
                    self._sums[:, :, index] += totals.reshape(shape)
            for index, name in enumerate(DISTRIBUTIONS):
                self._add_samples(index, slots, rows[f"{name}_histogram"], rows[f"{name}_sum"])
            self._add_drops(slots, rows["drop_reasons"])

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            pods = {OTHER: _OTHER_SLOT, NONE: _NONE_SLOT, **self._pods}
            node, sums, drops = self._node.copy(), self._sums.copy(), self._drops.copy()
            samples, microseconds = self._samples.copy(), self._microseconds.copy()
        yield from _node_counters(node)
        yield from _pod_counters(pods, sums)
        yield from _drops(pods, drops)
        yield from _histograms(pods, samples, microseconds)

    def _slots_of(self, uids: pa.DictionaryArray) -> Array:
        words = [self._slot(uid) for uid in uids.dictionary.to_pylist()]
        slots: Array = np.array([*words, _NONE_SLOT], "i8")
        return slots[np.where(valid(uids), numbers(uids.indices), len(words))]

    def _slot(self, uid: str) -> int:
        if uid not in self._pods:
            if not self._free:
                return _OTHER_SLOT
            self._pods[uid] = self._free.pop()
        self._seen[uid] = self._clock()
        return self._pods[uid]

    def _expire(self) -> None:
        before = self._clock() - self._keep_seconds
        for uid in [uid for uid, seen in self._seen.items() if seen < before]:
            slot = self._pods.pop(uid)
            del self._seen[uid]
            self._sums[slot] = 0
            self._samples[:, slot] = self._microseconds[:, slot] = 0
            for key in [key for key in self._drops if key[0] == slot]:
                del self._drops[key]
            self._free.append(slot)

    def _add_samples(self, index: int, slots: Array, histogram: pa.MapArray, sums: Any) -> None:
        shape = self._samples.shape[1:]
        at = slots[parents(histogram)] * HISTOGRAM_BUCKETS + numbers(histogram.keys)
        samples = _totals(at, numbers(histogram.items), shape[0] * shape[1]).reshape(shape)
        microseconds = _totals(slots, numbers(sums), shape[0])
        samples[_NODE_SLOT], microseconds[_NODE_SLOT] = samples.sum(axis=0), microseconds.sum()
        self._samples[index] += samples
        self._microseconds[index] += microseconds

    def _add_drops(self, slots: Array, reasons: pa.MapArray) -> None:
        if not len(reasons.keys):
            return
        words = reasons.keys.dictionary_encode()
        names = words.dictionary.to_pylist()
        counts = numbers(reasons.items)
        series, which = np.unique(
            slots[parents(reasons)] * len(names) + numbers(words.indices), return_inverse=True
        )
        totals = _totals(which, counts, len(series))
        for one, total in zip(series.tolist(), totals.tolist(), strict=True):
            slot, name = divmod(one, len(names))
            self._drops[slot, names[name]] += total
            self._drops[_NODE_SLOT, names[name]] += total


def _totals(at: Array, values: Array, length: int) -> Array:
    """The sum of the values at each place; exact up to 2**53, which no batch comes near."""
    return np.bincount(at, values, length).astype("u8")


def _node_counters(node: Array) -> Iterator[Metric]:
    for index, (name, about) in enumerate(NODE.items()):
        family = CounterMetricFamily(f"flowatlas_node_{name}", about, labels=["protocol"])
        for protocol, total in zip(Protocol, node[:, index].tolist(), strict=True):
            family.add_metric([protocol.name], total)
        yield family


def _pod_counters(pods: dict[str, int], sums: Array) -> Iterator[Metric]:
    """Only what is not zero: most pods have no trouble most of the time."""
    families = {}
    for name, (about, label) in POD.items():
        labels = ["pod_uid", "protocol", *([label] if label else [])]
        families[name] = CounterMetricFamily(f"flowatlas_pod_{name}", about, labels=labels)
    for pod, slot in pods.items():
        for protocol, totals in zip(Protocol, sums[slot].tolist(), strict=True):
            for (name, value, _, _), total in zip(_SERIES, totals, strict=True):
                if total:
                    labels = [pod, protocol.name, *([value] if value else [])]
                    families[name].add_metric(labels, total)
    yield from families.values()


def _drops(pods: dict[str, int], drops: Counter[tuple[int, str]]) -> Iterator[Metric]:
    name, about = DROPS
    node = CounterMetricFamily(f"flowatlas_node_{name}", about, labels=["reason"])
    each = CounterMetricFamily(f"flowatlas_pod_{name}", about, labels=["pod_uid", "reason"])
    uids = {slot: pod for pod, slot in pods.items()}
    for (slot, reason), total in drops.items():
        if slot == _NODE_SLOT:
            node.add_metric([reason], total)
        else:
            each.add_metric([uids[slot], reason], total)
    yield from (node, each)


def _histograms(pods: dict[str, int], samples: Array, microseconds: Array) -> Iterator[Metric]:
    for index, (name, about) in enumerate(DISTRIBUTIONS.values()):
        counts, sums = samples[index].cumsum(axis=1), microseconds[index] / 1e6

        def buckets(slot: int, counts: Array = counts) -> list[tuple[str, int]]:
            return list(zip(_BOUNDS, counts[slot].tolist(), strict=True))

        node = HistogramMetricFamily(f"flowatlas_node_{name}", about)
        node.add_metric([], buckets(_NODE_SLOT), sums[_NODE_SLOT])
        each = HistogramMetricFamily(f"flowatlas_pod_{name}", about, labels=["pod_uid"])
        for pod, slot in pods.items():
            if counts[slot, -1]:
                each.add_metric([pod], buckets(slot), sums[slot])
        yield from (node, each)
