"""Writes docs/metrics.md from the metrics themselves; a test holds the two together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

import agent.metrics
import sql.bridge.metrics
import sql.console.metrics
import sql.server.metrics
import stream.inventory_metrics
import stream.metrics
import stream.watch.metrics
from agent.interfaces import Interfaces
from agent.probe import KernelLedger
from agent.traffic import Traffic
from sql.bridge.families import GROUPS, Counter

FILE = Path(__file__).parents[2] / "docs" / "metrics.md"

HEAD = """\
# Metrics

Every metric of every role, in Prometheus's text format at `/metrics`. `make docs` writes this file
from each package's `metrics.py`. Counters begin at 0 with the process. A histogram has series
`_bucket`, `_sum` and `_count`, a summary `_sum` and `_count`. Every role but the bridge also tells
`process_*` and `python_*` of itself.
"""
TABLE = "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n"

Entry = tuple[str, str, str, str]
"""Name, type, labels by commas, meaning."""


def text() -> str:
    """The whole file."""
    return HEAD + "".join(
        f"\n## {role}\n\n{about}\n\n{TABLE}" + "".join(map(_line, entries))
        for role, about, entries in _roles()
    )


def _line(entry: Entry) -> str:
    name, kind, labels, meaning = entry
    return f"| `{name}` | {kind} | {labels} | {meaning} |\n"


def _roles() -> Iterator[tuple[str, str, Iterable[Entry]]]:
    yield "Agent", "Port 9101: the agent's own work.", _of_module(agent.metrics)
    kernel = agent.metrics.KernelCollector(lambda: KernelLedger(*[0] * len(agent.metrics.KERNEL)))
    yield "Kernel", "Port 9101: the ledger of the BPF programs.", _of_families(kernel.collect())
    about = (
        "Port 9101: what the agent saw, added up. 500 pods at a time have series "
        "`flowatlas_pod_*` of their own, the others share `other`."
    )
    yield "Nodes and pods", about, _of_families([*Traffic().collect(), *_interfaces()])
    modules = (stream.metrics, stream.inventory_metrics)
    yield "Stream", "Port 9103: a worker.", [line for m in modules for line in _of_module(m)]
    yield "Inventory", "Port 9104: the cluster's watcher.", _of_module(stream.watch.metrics)
    about = (
        "Port 9102: traffic by workload pair, node, path and internet destination. Of each, 1,000 "
        "at a time have series of their own, the others share `other`."
    )
    bridge = vars(sql.bridge.metrics.Metrics()).values()
    yield "Bridge", about, [*_traffic(), *_of_instruments(bridge)]
    about = "Port 8080: the service map, and how soon ClickHouse answers it."
    yield "Console", about, _of_module(sql.console.metrics)
    yield "Server", "Port 8123: the embedded ClickHouse.", _of_module(sql.server.metrics)


def _traffic() -> Iterator[Entry]:
    for group in GROUPS:
        for family in group.families:
            own = [family.label] if isinstance(family, Counter) and family.label else []
            words = ", ".join(f"`{label}`" for label in (*group.labels, *own))
            kind = type(family).__name__.lower()
            name = f"{family.name}_total" if kind == "counter" else family.name
            yield name, kind, words, family.about.rstrip(".")


def _interfaces() -> list[Metric]:
    collector = Interfaces("")
    stop = collector.start(CollectorRegistry())
    try:
        return list(collector.collect())
    finally:
        stop()


def _of_module(module: ModuleType) -> list[Entry]:
    return _of_instruments(vars(module).values())


def _of_instruments(values: Iterable[object]) -> list[Entry]:
    return [
        _entry(family, value._labelnames)
        for value in values
        if isinstance(value, MetricWrapperBase)
        for family in value.describe()
    ]


def _of_families(families: Iterable[Metric]) -> list[Entry]:
    return [_entry(family, getattr(family, "_labelnames", ())) for family in families]


def _entry(family: Metric, labels: Iterable[str]) -> Entry:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    words = ", ".join(f"`{label}`" for label in labels)
    return name, family.type, words, family.documentation.rstrip(".")


if __name__ == "__main__":
    FILE.write_text(text())
