"""Settings of `flowatlas console`."""

from __future__ import annotations

from dataclasses import dataclass, field

from sql.settings import ClickHouse, loaders, setting

LOADERS = loaders("console")


@dataclass(frozen=True)
class Settings:
    """Where the console listens, and what it reads as whom."""

    address: str = setting("127.0.0.1", "Address to serve the page on.")
    port: int = setting(8080, "Port to serve the page on.")
    query_seconds: float = setting(20.0, "A query that takes longer is given up.")
    connections: int = setting(8, "Queries at a time; further ones wait.")
    clickhouse: ClickHouse = field(default_factory=lambda: ClickHouse(user="reader"))
