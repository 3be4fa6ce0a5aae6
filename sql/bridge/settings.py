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
    expire_hours: float = setting(24.0, "A pair unseen for so long gives its series up.")
    reach_days: int = setting(7, "Rows that arrive later than this are not counted any more.")
    clickhouse: ClickHouse = field(default_factory=ClickHouse)
