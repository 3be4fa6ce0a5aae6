"""The console over an embedded ClickHouse, for tests without a browser."""

from __future__ import annotations

from fastapi.testclient import TestClient

from sql.console.app import application
from sql.console.settings import Settings
from sql.console.store import Store
from sql.settings import ClickHouse


def asking(clickhouse: ClickHouse) -> TestClient:
    """A client of a console that reads as the user that may only read. What goes wrong in the
    console is an answer of 500."""
    reader = ClickHouse(url=clickhouse.url, user="reader")
    return TestClient(
        application(Store(Settings(clickhouse=reader))), raise_server_exceptions=False
    )
