"""An embedded ClickHouse of a test's own, and rows to put into it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver import Client

from sql.insert import insert
from sql.schema import AGENT_LEDGER, DIMENSIONS, FLOWS, LEVELS, MONEY, PATH, SIDES
from sql.settings import ClickHouse
from stream.endpoints import Endpoint, Endpoints
from stream.evidence import Confidence
from stream.heard import Heard
from stream.rollup import levels
from stream.store import Store
from stream.windows import Way, Windows

START_SECONDS = 30
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def embedded(path: Path, port: int | None = None) -> Iterator[ClickHouse]:
    """`flowatlas server` in a process of its own, from its first answer to its end."""
    port = port or free_port()
    command = [sys.executable, "-m", "sql.server", "--port", str(port), "--path", str(path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            await_answer(f"http://127.0.0.1:{port}/ping", server)
            yield ClickHouse(url=f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()


def await_answer(url: str, process: subprocess.Popen[Any]) -> str:
    """What `url` answers, as soon as it does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)


def flow(**given: Any) -> dict[str, Any]:
    """A row of flows_10s: shop/cart on n1 (zone a) to shop/redis on n2 (zone b), told by n1."""
    row = {field.name: _zero(field.type) for field in FLOWS}
    ends = {
        "client_workload": "cart",
        "client_pod": "cart-1",
        "client_node": "n1",
        "client_zone": "zone-a",
        "server_workload": "redis",
        "server_pod": "redis-1",
        "server_node": "n2",
        "server_zone": "zone-b",
    }
    for side in ("client", "server"):
        ends |= {f"{side}_kind": "pod", f"{side}_namespace": "shop", f"{side}_method": "pod_ip"}
    told = {"cluster": "c", "node": "n1", "reporter": 1, "protocol": 6, "server_port": 6379}
    return row | ends | told | {"role_certain": True, "flow_rows": 1} | given


def flows(*rows: dict[str, Any]) -> pa.Table:
    """Rows of flow() as a table."""
    return pa.Table.from_pylist(list(rows), schema=FLOWS)


def empty(client: Client) -> None:
    """Leave no traffic, and no node that told or was told of any."""
    for table in (*LEVELS, "unclaimed", "agents"):
        client.command(f"TRUNCATE TABLE {table}")


def insert_levels(client: Client, rows: pa.Table, token: str) -> None:
    """Insert rows of flows() into every level, as the stream does."""
    endpoints = Endpoints()
    (cluster,) = rows["cluster"].unique().to_pylist()
    nodes = rows["node"].combine_chunks().dictionary_encode()
    names = ("reporter", "role_certain", "protocol", "server_port")
    dimensions = {
        "node": nodes.indices.to_numpy(),
        "window": rows["window"].cast(pa.int64()).to_numpy(),
        **{name: rows[name].to_numpy() for name in names},
        **{side: _endpoints(rows, side, endpoints) for side in SIDES},
    }
    ways = list(map(Way, *(rows[name].to_pylist() for name in PATH)))
    numbers = {way: number for number, way in enumerate(dict.fromkeys(ways))}
    dimensions["way"] = np.array([numbers[way] for way in ways], np.int64)
    measures = [name for name in FLOWS.names[len(DIMENSIONS) :] if not name.endswith("_labels")]
    measured = {name: rows[name].combine_chunks() for name in measures} | {
        name: pa.array([int(usd.scaleb(12)) for usd in rows[name].to_pylist()], pa.int64())
        for name in MONEY
    }
    windows = Windows(dimensions, nodes.dictionary.to_pylist(), measured, list(numbers))
    heard = Heard(Store(client), cluster)
    for table, level in levels(windows, endpoints, cluster, heard.silent).items():
        insert(client, table, level, token)


def _endpoints(rows: pa.Table, side: str, endpoints: Endpoints) -> np.ndarray:
    names = [name for name in Endpoint._fields if name != "host"]
    found = []
    for told in zip(*(rows[f"{side}_{name}"].to_pylist() for name in names), strict=True):
        end = Endpoint(**dict(zip(names, told, strict=True)))
        confidence = Confidence(int(end.confidence)).name.lower()
        found.append(endpoints.add(end._replace(confidence=confidence, labels=tuple(end.labels))))
    return np.array(found, np.int64)


def ledger(**given: Any) -> pa.Table:
    """One row of agent_ledger."""
    row = {field.name: _zero(field.type) for field in AGENT_LEDGER}
    origin = {"cluster": "c", "node": "n1", "agent": "a1", "sampling": 1}
    return pa.Table.from_pylist([row | origin | given], schema=AGENT_LEDGER)


def at(clock: str) -> datetime:
    """A moment of yesterday: tables let go of what is old, and questions of what is to come."""
    return datetime.fromisoformat(f"{YESTERDAY}T{clock}").replace(tzinfo=UTC)


def _zero(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_fixed_size_binary(kind):
        return bytes(16)
    if pa.types.is_map(kind):
        return []
    if pa.types.is_timestamp(kind):
        return at("10:00:00")
    if pa.types.is_decimal(kind):
        return Decimal(0)
    return None if kind == pa.uint32() else 0
