"""Settings of `flowatlas bridge`."""

from __future__ import annotations

from dataclasses import dataclass, field

from sql.settings import ClickHouse, loaders, setting

LOADERS = loaders("bridge")


@dataclass(frozen=True)
class Settings:
    """How the bridge reads, and what it serves."""

    address: str = setting("127.0.0.1", "Address to serve Prometheus metrics on.")
    port: int = setting(9102, "Port to serve Prometheus metrics on.")
    refresh_seconds: float = setting(10.0, "How often ClickHouse is read.")
    series: int = setting(1000, "Workload pairs with series of their own; the rest is `other`.")
    node_series: int = setting(1000, "Nodes with series of their own.")
    path_series: int = setting(1000, "Paths by namespace with series of their own.")
    destination_series: int = setting(1000, "Internet destinations with series of their own.")
    expire_hours: float = setting(24.0, "What has not grown for so long gives its series up.")
    announce_seconds: float = setting(
        60.0, "A new series stays at 0 so long; take more than Prometheus's scrape interval."
    )
    reach_hours: int = setting(
        6, "Rows that arrive later than this are not counted any more; a refresh reads so much."
    )
    state: str = setting(
        "", "File to keep the counters in, so that they go on after a restart; empty: from 0."
    )
    created_timestamps: bool = setting(
        True, "Tell since when each series counts, to those who ask for OpenMetrics."
    )
    clickhouse: ClickHouse = field(default_factory=ClickHouse)
