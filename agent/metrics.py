"""The catalogue of the agent's metrics, served on port 9101."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from agent.probe import KernelLedger
from agent.wire import COUNTERS, COUNTERS_SINCE_2

KERNEL = {
    "records": "Records that the kernel put on the ring buffer",
    "bytes": "Application bytes that those records stand for",
    "lost_records": "Records that found the ring buffer full at their last chance",
    "lost_bytes": "Application bytes that the lost records stood for",
    "storage_failures": "Times that a socket got no storage in the kernel",
    "deferred": "Records that found the ring buffer full and were put off, not lost",
    "answers": "DNS answers that the kernel put on their ring buffer",
    "lost_answers": "DNS answers that found it full",
}

RECORDS = Counter("flowatlas_agent_records", "Records taken off the ring buffer")
ROWS = Counter("flowatlas_agent_rows", "Flow rows shipped")
BATCHES = Counter("flowatlas_agent_batches", "Batches shipped")
BATCH_BYTES = Counter("flowatlas_agent_batch_bytes", "Bytes of those batches on the wire")
DELIVERED = Counter("flowatlas_agent_delivered_batches", "Batches that Kafka acknowledged")
DROPPED_BATCHES = Counter(
    "flowatlas_agent_dropped_batches",
    "Batches given up: spool full, file corrupt, refused by Kafka for good, disk unwritable",
    ["reason"],
)
DROPPED_ROWS = Counter("flowatlas_agent_dropped_rows", "Flow rows in those batches", ["reason"])
DROPPED_BYTES = Counter(
    "flowatlas_agent_dropped_bytes", "Application bytes those rows stand for", ["reason"]
)
UNSPOOLED_BATCHES = Counter(
    "flowatlas_agent_unspooled_batches", "Batches that the disk did not take, sent without"
)
SPOOL_BATCHES = Gauge("flowatlas_agent_spool_batches", "Batches that Kafka has not acknowledged")
SPOOL_BYTES = Gauge("flowatlas_agent_spool_bytes", "Bytes on disk of those batches")
INTERVAL = Gauge(
    "flowatlas_agent_interval_seconds", "Length of an interval now: longer under overload"
)
SHIPPING = Histogram(
    "flowatlas_agent_shipping_seconds",
    "Time to flush, aggregate, encode and hand over one interval",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)
CONNTRACK_UP = Gauge("flowatlas_agent_conntrack_up", "1: connection tracking is read, 0: it is not")
CONNTRACK_ENTRIES = Gauge("flowatlas_agent_conntrack_entries", "Translated connections known")
CONNTRACK_OVERRUNS = Counter(
    "flowatlas_agent_conntrack_overruns", "Times that events were lost and all was read again"
)
UNREAD_ANSWERS = Counter(
    "flowatlas_agent_unread_answers", "DNS answers beyond what is read in one interval"
)
UNPARSED_ANSWERS = Counter(
    "flowatlas_agent_unparsed_answers",
    "DNS answers that were damaged or longer than captured; what could be read of them was kept",
)
NAME_ROWS = Counter("flowatlas_agent_name_rows", "Name rows shipped")
NODE = {
    "flows": "Flow rows: conversations, each counted once an interval",
    **{
        name: f"Seen on this node: {about}" for name, about in (COUNTERS | COUNTERS_SINCE_2).items()
    },
}
"""flowatlas_node_*_total by protocol."""

POD = {
    "flows": ("Flow rows of the pod: conversations, each counted once an interval", None),
    "bytes": ("Application bytes of the pod's sockets", "direction"),
    "packets": ("TCP segments and UDP datagrams of the pod's sockets", "direction"),
    "connections": ("TCP connections of the pod's sockets", "event"),
    "connection_failures": (
        "TCP connections that failed; reset: after they had been established",
        "cause",
    ),
    "retransmitted_segments": ("Segments that the pod sent again, SYN included", None),
    "retransmitted_bytes": ("Payload that the pod sent again", None),
    "retransmitted_syns": ("SYN and SYN-ACK that the pod sent again", None),
    "retransmission_timeouts": ("RTO timer expiries of the pod's sockets", None),
    "resets": ("TCP resets of the pod's sockets", "direction"),
    "zero_windows": ("Times that a receive window closed, the pod's own (sent)", "direction"),
    "out_of_order_segments": ("Segments that reached the pod ahead of their turn", None),
    "datagram_errors": ("UDP datagrams that reached the host and not the pod", None),
}
"""flowatlas_pod_*_total by pod_uid, protocol, and the label named here."""

DROPS = ("drops", "Packets that the kernel dropped, by its reason")
"""flowatlas_node_drops_total and flowatlas_pod_drops_total."""

DISTRIBUTIONS = {
    "connect_latency": ("connect_seconds", "Time from connect() to established"),
    "rtt": ("rtt_seconds", "Round-trip samples of TCP"),
}
"""Histograms flowatlas_node_* and flowatlas_pod_* of the wire's distributions."""

INTERFACES = {
    "bytes": "Bytes on the interface, headers included",
    "packets": "Packets on the interface",
    "errors": "Packets that the interface could not receive or send",
    "drops": "Packets that the interface dropped",
}
"""flowatlas_node_interface_*_total by interface and direction."""

ALLOWANCES = (
    "flowatlas_node_ena_allowance_exceeded",
    "Packets queued or dropped because the EC2 instance was over an allowance",
)


class KernelCollector(Collector):
    """Reads the kernel's ledger when scraped, so that it can never lag behind."""

    def __init__(self, read: Callable[[], KernelLedger]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        return [
            CounterMetricFamily(f"flowatlas_agent_kernel_{name}", about)
            for name, about in KERNEL.items()
        ]

    def collect(self) -> Iterable[Metric]:
        ledger = self._read()
        for name, about in KERNEL.items():
            value = float(getattr(ledger, name))
            yield CounterMetricFamily(f"flowatlas_agent_kernel_{name}", about, value=value)


def watch_kernel(
    read: Callable[[], KernelLedger], registry: CollectorRegistry = REGISTRY
) -> Callable[[], None]:
    """Add the kernel's ledger to what is served; returns what takes it off again."""
    collector = KernelCollector(read)
    registry.register(collector)
    return lambda: registry.unregister(collector)
