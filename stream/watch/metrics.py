"""Every number that the watcher tells of itself, and nothing else."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

events = Counter(
    "flowatlas_inventory_events_total",
    "What the Kubernetes API told: LISTED, or the type of a watch's event.",
    ["resource", "type"],
)
relists = Counter(
    "flowatlas_inventory_relists_total",
    "Lists begun, the first included; more of them after the API forgot where a watch was.",
    ["resource"],
)
api_errors = Counter(
    "flowatlas_inventory_api_errors_total",
    "Requests that failed: the status, or `connection`.",
    ["resource", "code"],
)
misfits = Counter(
    "flowatlas_inventory_misfits_total",
    "Objects that are not as Kubernetes says; their last good state stays in use.",
    ["resource"],
)
published = Counter(
    "flowatlas_inventory_published_total", "Records sent to Kafka, tombstones included.", ["kind"]
)
unchanged = Counter(
    "flowatlas_inventory_unchanged_total",
    "Objects told that changed nothing of their record, and were not sent.",
    ["kind"],
)
objects = Gauge("flowatlas_inventory_objects", "Objects that are there.", ["kind"])
ended = Gauge(
    "flowatlas_inventory_ended_objects", "Objects that are gone and kept for flows that come late."
)
current = Gauge(
    "flowatlas_inventory_current_timestamp_seconds",
    "Up to when what happened in the cluster is known, Unix time.",
    ["resource"],
)
queued = Gauge("flowatlas_inventory_queued_messages", "Records that Kafka has not confirmed yet.")
network_failures = Counter(
    "flowatlas_inventory_network_failures_total",
    "Times the account's network could not be read; the last good version stays in use.",
)
network_read = Gauge(
    "flowatlas_inventory_network_timestamp_seconds",
    "When the account's network was last read, Unix time.",
)
