"""The bridge between a real engine and Debian's Prometheus."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from prometheus_client.parser import text_string_to_metric_families

from sql.client import connect, queries
from sql.errors import SqlError
from sql.insert import insert
from sql.migrate import migrate
from sql.settings import ClickHouse
from tests.integration.clickhouse import embedded, flow, flows, free_port, insert_levels, ledger
from tests.integration.prometheus import complaints, prometheus, query, running, scrape

pytestmark = pytest.mark.integration

BYTES = "flowatlas_traffic_bytes_total"
WAIT_SECONDS = 20
HOUR = timedelta(hours=1)
THIS_HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
"""The bridge reaches back some hours from now."""


@pytest.fixture
def client(server: ClickHouse) -> Iterator[Client]:
    with connect(server) as client:
        yield client


def command(clickhouse: ClickHouse, port: int, *flags: str) -> list[str]:
    where = ["--port", str(port), "--clickhouse-url", clickhouse.url]
    quick = ["--refresh-seconds", "0.2", "--announce-seconds", "1.5"]
    return [sys.executable, "-m", "sql.bridge", *where, *quick, *flags]


@contextmanager
def bridge(clickhouse: ClickHouse, *flags: str, port: int = 0) -> Iterator[str]:
    """A bridge in a process of its own; yields the URL of its metrics."""
    port = port or free_port()
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


WEB = {"server_kind": "internet", "server_namespace": "", "server_workload": ""}


def put(client: Client, token: str, **given: Any) -> None:
    row = {"window": THIS_HOUR, "packets_to_server": 9, "rtt_count": 2, "rtt_sum": 3000}
    insert_levels(client, flows(flow(**(row | given))), token)


def test_prometheus_scrapes_it_twice_and_both_have_every_byte(
    server: ClickHouse, client: Client, tmp_path: Path
) -> None:
    with bridge(server) as url, prometheus({"one": url, "two": url}, tmp_path) as api:
        eventually(lambda: up(url), 1)
        eventually(lambda: query(api, "sum(up)"), [2.0])
        put(client, "scraped 1", bytes_to_server=1009, bytes_to_client=7, connections_refused=3)
        put(client, "scraped 2", bytes_to_server=2003, window=THIS_HOUR - 3 * HOUR)
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
        assert value(text, "flowatlas_bridge_series", group="pairs") == 3
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


def test_money_paths_nodes_and_destinations_are_told(server: ClickHouse, client: Client) -> None:
    with bridge(server, "--clickhouse-user", "reader") as url:
        eventually(lambda: up(url), 1)
        put(
            client,
            "priced",
            cluster="priced",
            bytes_to_server=1009,
            path=8,
            path_behind=8,
            cost_usd=Decimal("0.000125"),
            server_dns_name="api.example.com",
            rtt_histogram=[(2, 1), (20, 1)],
            **WEB,
        )
        eventually(lambda: value(scrape(url), BYTES, cluster="priced"), 1009)
        text = scrape(url)
        for name, labels in (
            ("flowatlas_cost_usd_total", {"client_workload": "cart"}),
            ("flowatlas_node_cost_usd_total", {"node": "n1"}),
            ("flowatlas_path_cost_usd_total", {"path": "internet", "client_namespace": "shop"}),
            ("flowatlas_internet_cost_usd_total", {"destination": "api.example.com"}),
        ):
            assert value(text, name, cluster="priced", **labels) == 0.000125, name
        sent = {"cluster": "priced", "node": "n1", "direction": "sent"}
        assert value(text, "flowatlas_node_traffic_bytes_total", **sent) == 1009
        bucket = "flowatlas_rtt_seconds_bucket"
        counts = [value(text, bucket, cluster="priced", le=le) for le in ("0.000128", "+Inf")]
        assert counts == [1, 2]


def test_what_the_kernel_counted_and_what_is_stored_can_be_compared(
    server: ClickHouse, client: Client
) -> None:
    with bridge(server) as url:
        eventually(lambda: up(url), 1)
        told = {"node": "covered", "kernel_bytes": 1000, "lost_bytes": 24, "stream_bytes": 990}
        insert(client, "agent_ledger", ledger(**told), "covered")
        stored = "flowatlas_ledger_stored_bytes_total"
        eventually(lambda: value(scrape(url), stored, node="covered"), 990)
        kernel = "flowatlas_ledger_kernel_bytes_total"
        assert value(scrape(url), kernel, node="covered") == 1024


class Sender:
    """Inserts a row of 1,000 bytes five times a second, whatever becomes of ClickHouse."""

    def __init__(self, clickhouse: ClickHouse, name: str) -> None:
        self.bytes = 0
        self._clickhouse = clickhouse
        self._name = name
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            try:
                with connect(self._clickhouse) as client, queries(self._clickhouse):
                    put(client, f"{self._name} {self.bytes}", bytes_to_server=1000)
                self.bytes += 1000
            except SqlError:
                time.sleep(0.1)
            due = max(due + 0.2, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0))


def test_rates_are_true_over_three_restarts_of_the_bridge_and_one_of_clickhouse(
    tmp_path: Path,
) -> None:
    """Within what comes in one scrape interval, half a second."""
    port, bridge_port = free_port(), free_port()
    url = f"http://127.0.0.1:{bridge_port}/metrics"
    flags = ("--state", str(tmp_path / "bridge.npz"))
    jobs = ("one", "two")
    counter = BYTES + '{direction="to_server",job="%s"}'
    with contextlib.ExitStack() as whole:
        engine = whole.enter_context(contextlib.ExitStack())
        there = engine.enter_context(embedded(tmp_path, port))
        migrate(there)
        api = whole.enter_context(prometheus(dict.fromkeys(jobs, url), tmp_path))
        with bridge(there, *flags, port=bridge_port):
            eventually(lambda: up(url), 1)
            with Sender(there, "before") as before:
                time.sleep(1)
            for job in jobs:
                eventually(partial(query, api, f"sum({counter % job})"), [before.bytes])
        began = time.time()
        sending = whole.enter_context(contextlib.ExitStack())
        sender = sending.enter_context(Sender(there, "meanwhile"))
        with bridge(there, *flags, port=bridge_port):
            time.sleep(1)
            engine.close()
            engine.enter_context(embedded(tmp_path, port))
            time.sleep(1)
        with bridge(there, *flags, port=bridge_port):
            time.sleep(1)
        with bridge(there, *flags, port=bridge_port):
            time.sleep(1)
            sending.close()
            for job in jobs:
                sent = before.bytes + sender.bytes
                eventually(partial(query, api, f"sum({counter % job})"), [sent])
                seconds = time.time() - began
                window = f"{counter % job}[{seconds * 1000:.0f}ms]"
                grown = query(api, f"sum(rate({window}))")[0] * seconds
                assert sender.bytes > 10_000
                assert grown == pytest.approx(sender.bytes, abs=2_500)
                assert query(api, f"sum(resets({window}))") == [0]


def test_a_scrape_at_the_whole_budget_is_quick(server: ClickHouse, client: Client) -> None:
    rows = [
        flow(
            window=THIS_HOUR,
            cluster="wide",
            client_workload=f"workload-{number}",
            node=f"node-{number}",
            bytes_to_server=number + 1,
            **(WEB if number % 2 else {}),
            server_dns_name=f"{number}.example.com",
        )
        for number in range(2000)
    ]
    insert_levels(client, flows(*rows), "wide")
    with bridge(server) as url:
        eventually(lambda: value(scrape(url), "flowatlas_bridge_series", group="nodes"), 1000)
        request = urllib.request.Request(
            url, headers={"Accept": "application/openmetrics-text", "Accept-Encoding": "gzip"}
        )
        took = []
        for _ in range(200):
            began = time.perf_counter()
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()
            took.append(time.perf_counter() - began)
            time.sleep(0.02)
        assert sorted(took)[197] < 0.25


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = command(ClickHouse(), port)
        ended = subprocess.run(words, text=True, capture_output=True, check=False, timeout=20)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: port {port} on 127.0.0.1 is taken")
    assert ended.stderr.count("\n") == 1
