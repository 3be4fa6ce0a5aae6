"""Settings of the embedded server."""

from __future__ import annotations

from dataclasses import dataclass

from sql.settings import setting


@dataclass(frozen=True)
class Settings:
    """Settings of the role `server`."""

    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8123, "Port of ClickHouse's HTTP interface.")
    path: str = setting("/var/lib/flowatlas/clickhouse", "Directory that holds the data.")
    password: str = setting("", "Password of the user `default`, who may do everything.")
    reader_password: str = setting("", "Password of the user `reader`, who may only read.")
    reader_seconds: int = setting(60, "Longest that a query of `reader` may run, in seconds.")
    reader_memory: int = setting(2 << 30, "Most memory that a query of `reader` may take, bytes.")
    reader_rows: int = setting(10_000_000, "Most rows that an answer to `reader` may have.")
    reader_threads: int = setting(8, "Queries of `reader` that run at once; more wait.")
    threads: int = setting(16, "Other queries that run at once; more wait for their turn.")
    send_timeout: float = setting(60.0, "Seconds after which a client that reads nothing is cut.")
