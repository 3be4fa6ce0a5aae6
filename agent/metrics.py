"""The catalogue of the agent's metrics, served on port 9101."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from agent.probe import KernelLedger
from agent.wire import COUNTERS

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
ROWS = Counter("flowatlas_agent_rows", "Flow rows handed to Kafka")
BATCHES = Counter("flowatlas_agent_batches", "Batches handed to Kafka")
BATCH_BYTES = Counter("flowatlas_agent_batch_bytes", "Bytes of those batches on the wire")
DELIVERED = Counter("flowatlas_agent_delivered_batches", "Batches that Kafka acknowledged")
UNDELIVERED = Counter("flowatlas_agent_undelivered_batches", "Batches that Kafka did not take")
UNDELIVERED_ROWS = Counter("flowatlas_agent_undelivered_rows", "Flow rows in those batches")
SHIPPING = Histogram(
    "flowatlas_agent_shipping_seconds",
    "Time to flush, aggregate, encode and hand over one interval",
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
)
NODE = {
    name: Counter(f"flowatlas_node_{name}", f"Seen on this node: {about}", ["protocol"])
    for name, about in COUNTERS.items()
}
UNREAD_ANSWERS = Counter(
    "flowatlas_agent_unread_answers", "DNS answers beyond what is read in one interval"
)
UNPARSED_ANSWERS = Counter(
    "flowatlas_agent_unparsed_answers",
    "DNS answers that were damaged or longer than captured; what could be read of them was kept",
)
NAME_ROWS = Counter("flowatlas_agent_name_rows", "Name rows shipped")


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
