"""The bridge between a real engine and Debian's Prometheus."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from prometheus_client.parser import text_string_to_metric_families

from sql.client import connect
from sql.migrate import migrate
from sql.settings import ClickHouse
from tests.integration.clickhouse import at, embedded, flow, flows, free_port, insert_levels
from tests.integration.prometheus import complaints, prometheus, query, running, scrape

pytestmark = pytest.mark.integration

BYTES = "flowatlas_traffic_bytes_total"
WAIT_SECONDS = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        migrate(there)
        yield there


@pytest.fixture
def client(server: ClickHouse) -> Iterator[Client]:
    with connect(server) as client:
        yield client


def command(clickhouse: ClickHouse, port: int, *flags: str) -> list[str]:
    where = ["--port", str(port), "--clickhouse-url", clickhouse.url]
    return [sys.executable, "-m", "sql.bridge", *where, "--refresh-seconds", "0.2", *flags]


@contextmanager
def bridge(clickhouse: ClickHouse, *flags: str) -> Iterator[str]:
    """A bridge in a process of its own; yields the URL of its metrics."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    with running(command(clickhouse, port, *flags), url):
        yield url


def value(text: str, name: str, **labels: str) -> float:
    """The sum of all samples of that name that carry those labels."""
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def eventually(found: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while (last := found()) != wanted:
        assert time.monotonic() < deadline, f"{last!r} instead of {wanted!r}"
        time.sleep(0.1)


def up(url: str) -> float:
    return value(scrape(url), "flowatlas_bridge_up")


def put(client: Client, token: str, **given: Any) -> None:
    row = {"window": at("10:00:00"), "packets_to_server": 9, "rtt_count": 2, "rtt_sum": 3000}
    insert_levels(client, flows(flow(**(row | given))), token)


def test_prometheus_scrapes_it_twice_and_both_have_every_byte(
    server: ClickHouse, client: Client, tmp_path: Path
) -> None:
    with bridge(server) as url, prometheus({"one": url, "two": url}, tmp_path) as api:
        eventually(lambda: up(url), 1)
        eventually(lambda: query(api, "sum(up)"), [2.0])
        put(client, "scraped 1", bytes_to_server=1009, bytes_to_client=7, connections_refused=3)
        put(client, "scraped 2", bytes_to_server=2003, window=at("03:00:00"))
        for job in ("one", "two"):
            eventually(partial(query, api, f'sum({BYTES}{{job="{job}"}})'), [3019.0])
        refused = 'sum(flowatlas_connections_failed_total{cause="refused",job="one"})'
        eventually(lambda: query(api, refused), [3.0])


def test_promtool_finds_nothing_to_complain_about(server: ClickHouse, client: Client) -> None:
    with bridge(server) as url:
        eventually(lambda: up(url), 1)
        put(client, "checked", bytes_to_server=1)
        eventually(lambda: value(scrape(url), BYTES), 1)
        assert complaints(scrape(url)) == (0, "")


def test_other_keeps_the_sums_right(server: ClickHouse, client: Client) -> None:
    put(client, "before", client_workload="before", bytes_to_server=2**40)
    with bridge(server, "--series", "3") as url:
        eventually(lambda: up(url), 1)
        for number in range(6):
            put(client, f"k {number}", client_workload=f"k{number}", bytes_to_server=10**number)
        eventually(lambda: value(scrape(url), BYTES), 111_111)
        text = scrape(url)
        other = value(text, BYTES, client_workload="other")
        assert 0 < other < 111_111
        assert value(text, "flowatlas_bridge_pairs") == 3
        assert value(text, BYTES, client_workload="before") == 0
        steady = [line for line in text.splitlines() if not re.match("flowatlas_bridge", line)]
        again = scrape(url).splitlines()
        assert [line for line in again if not re.match("flowatlas_bridge", line)] == steady


def test_it_outlives_clickhouse_and_takes_up_by_itself(tmp_path: Path) -> None:
    port = free_port()
    with bridge(ClickHouse(url=f"http://127.0.0.1:{port}")) as url:
        eventually(lambda: value(scrape(url), "flowatlas_bridge_refresh_failures_total") > 0, True)
        with embedded(tmp_path, port) as there:
            migrate(there)
            eventually(lambda: up(url), 1)
            with connect(there) as client:
                put(client, "while it lived", bytes_to_server=1009)
            eventually(lambda: value(scrape(url), BYTES), 1009)
        eventually(lambda: up(url), 0)
        assert value(scrape(url), BYTES) == 1009


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = command(ClickHouse(), port)
        ended = subprocess.run(words, text=True, capture_output=True, check=False, timeout=20)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: port {port} on 127.0.0.1 is taken")
    assert ended.stderr.count("\n") == 1
