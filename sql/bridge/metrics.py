"""What the bridge says of itself; what it exports of the traffic is in families.py."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """One registry, of an instance's own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.up = Gauge(
            "flowatlas_bridge_up", "1: the last refresh worked.", registry=self.registry
        )
        self.refreshes = Counter(
            "flowatlas_bridge_refreshes", "Refreshes from ClickHouse.", registry=self.registry
        )
        self.failures = Counter(
            "flowatlas_bridge_refresh_failures",
            "Refreshes that failed; the last values stay.",
            registry=self.registry,
        )
        self.duration = Gauge(
            "flowatlas_bridge_refresh_duration_seconds",
            "How long the last refresh took.",
            registry=self.registry,
        )
        self.writing = Gauge(
            "flowatlas_bridge_write_duration_seconds",
            "How long it took to write what scrapes get, the last time but one.",
            registry=self.registry,
        )
        self.refreshed_at = Gauge(
            "flowatlas_bridge_last_refresh_timestamp_seconds",
            "When a refresh last worked.",
            registry=self.registry,
        )
        self.series = Gauge(
            "flowatlas_bridge_series",
            "Keys with series of their own, by group.",
            ["group"],
            registry=self.registry,
        )
        self.known = Gauge(
            "flowatlas_bridge_known",
            "Keys there are, those in `other` included.",
            ["group"],
            registry=self.registry,
        )
