"""`flowatlas up` as users run it: traffic of one cgroup, from the kernel to SQL and Prometheus."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.probe import find_cgroup2
from deploy.local.probes import free_ports, http_answers
from tests.integration import prometheus

pytestmark = pytest.mark.integration

REQUEST_BYTES = 104_729
ANSWER_BYTES = 15_485_863

EXCHANGE = f"""
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.sendall(bytes({REQUEST_BYTES}))
    assert len(server.recv({REQUEST_BYTES}, socket.MSG_WAITALL)) == {REQUEST_BYTES}
    import threading
    sender = threading.Thread(target=server.sendall, args=(bytes({ANSWER_BYTES}),))
    sender.start()
    assert len(client.recv({ANSWER_BYTES}, socket.MSG_WAITALL)) == {ANSWER_BYTES}
    sender.join()
    client.close(); server.close()
"""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    directory = find_cgroup2() / f"flowatlas-test-{uuid.uuid4().hex[:8]}"
    directory.mkdir()
    yield directory
    directory.rmdir()


class Up:
    """One `flowatlas up` on ports of its own."""

    def __init__(self, directory: Path, cgroup: Path) -> None:
        self.agent, self.bridge, self.stream, self.clickhouse, self.console = free_ports(5)
        self.directory = directory
        self.arguments = ["--node", "node-1", "--cgroup", str(cgroup), "--interval", "1"]
        self.arguments += ["--data-dir", str(directory / "data")]
        for role in ("agent", "bridge", "stream", "clickhouse", "console"):
            self.arguments += [f"--{role}-port", str(getattr(self, role))]

    def start(self) -> subprocess.Popen[str]:
        with (self.directory / "up.out").open("w") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "deploy.local.cli", "up", *self.arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def output(self) -> str:
        return (self.directory / "up.out").read_text()


@pytest.fixture
def up(tmp_path: Path, cgroup: Path) -> Up:
    return Up(tmp_path, cgroup)


def wait_until_up(up: Up, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while "Ctrl-C ends it" not in up.output():
        assert process.poll() is None, up.output()
        assert time.monotonic() < deadline, up.output()
        time.sleep(0.1)


def exchange(cgroup: Path) -> None:
    """Known bytes over a connection of loopback, both of its ends in the cgroup."""
    join = f"open('{cgroup}/cgroup.procs', 'w').write('0')\n"
    subprocess.run([sys.executable, "-c", join + EXCHANGE], check=True, timeout=60)


def query(port: int, sql: str) -> str:
    url = f"http://127.0.0.1:{port}/?{urllib.parse.urlencode({'query': sql})}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode().strip())


TOTALS = """
SELECT reporter, sum(bytes_to_server), sum(bytes_to_client), sum(connections_established)
FROM flowatlas.flows_10s WHERE protocol = 'TCP' GROUP BY reporter ORDER BY reporter
"""


def test_what_was_sent_just_before_the_signal_is_in_the_tables(up: Up, cgroup: Path) -> None:
    process = up.start()
    try:
        wait_until_up(up, process)
        assert http_answers(f"http://127.0.0.1:{up.bridge}/metrics")
        (first, *_) = (
            line for line in up.output().splitlines() if "http" in line and "map" in line
        )
        assert first.endswith(f"http://127.0.0.1:{up.console}")
        assert http_answers(f"http://127.0.0.1:{up.console}/api/status")
        exchange(cgroup)
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0, up.output()
    finally:
        process.kill()
    sent = f"{REQUEST_BYTES}\t{ANSWER_BYTES}\t1"
    assert stored(up) == f"client\t{sent}\nserver\t{sent}"


def stored(up: Up) -> str:
    """What the tables hold, by a server of its own on the data that `up` left."""
    data = str(up.directory / "data" / "clickhouse")
    command = [sys.executable, "-m", "deploy.local.cli", "server"]
    with subprocess.Popen([*command, "--port", str(up.clickhouse), "--path", data]) as server:
        try:
            deadline = time.monotonic() + 30
            while not http_answers(f"http://127.0.0.1:{up.clickhouse}/ping"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            return query(up.clickhouse, TOTALS)
        finally:
            server.terminate()


def test_prometheus_scrapes_every_role_without_a_complaint(
    up: Up, cgroup: Path, tmp_path: Path
) -> None:
    ports = {"agent": up.agent, "bridge": up.bridge, "stream": up.stream, "console": up.console}
    urls = {role: f"http://127.0.0.1:{port}/metrics" for role, port in ports.items()}
    process = up.start()
    try:
        wait_until_up(up, process)
        exchange(cgroup)
        for role, url in urls.items():
            assert prometheus.complaints(prometheus.scrape(url)) == (0, ""), role
        moved = 'sum(flowatlas_node_bytes_to_client_total{protocol="TCP"})'
        with prometheus.prometheus(urls, tmp_path) as api:
            for expression, value in (("sum(up)", 4.0), (moved, 2.0 * ANSWER_BYTES)):
                deadline = time.monotonic() + 20
                while (found := prometheus.query(api, expression)) != [value]:
                    assert time.monotonic() < deadline, f"{expression} is {found}"
                    time.sleep(0.2)
        process.terminate()
        assert process.wait(90) == 0, up.output()
    finally:
        process.kill()


def test_no_role_outlives_an_up_that_is_killed(up: Up) -> None:
    process = up.start()
    try:
        wait_until_up(up, process)
        roles = Path(f"/proc/{process.pid}/task").glob("*/children")
        children = [int(pid) for role in roles for pid in role.read_text().split()]
        assert len(children) == 6  # broker, server, stream, bridge, console, agent
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def refused(up: Up, *arguments: str) -> str:
    """The one sentence with which `up` refuses to start."""
    up.arguments += arguments
    process = up.start()
    assert process.wait(60) == 1
    output = up.output()
    assert "Traceback" not in output
    (sentence,) = (line for line in output.splitlines() if line.startswith("Error: "))
    return sentence


@pytest.mark.parametrize("role", ["bridge", "console"])
def test_a_taken_port_is_named(up: Up, role: str) -> None:
    port = getattr(up, role)
    with socket.create_server(("127.0.0.1", port)):
        sentence = refused(up)
    assert f"Port {port}, wanted by the {role}, is taken" in sentence
    assert f"--{role}-port" in sentence


def test_a_kafka_that_does_not_answer_is_named(up: Up) -> None:
    (nobody,) = free_ports(1)
    sentence = refused(up, "--kafka", f"127.0.0.1:{nobody}")
    assert f"Kafka does not answer at 127.0.0.1:{nobody}" in sentence


def test_a_clickhouse_that_does_not_answer_is_named(up: Up) -> None:
    (nobody,) = free_ports(1)
    sentence = refused(up, "--clickhouse", f"http://127.0.0.1:{nobody}")
    assert f"ClickHouse does not answer at http://127.0.0.1:{nobody}" in sentence


def test_a_malformed_inventory_is_named(up: Up) -> None:
    inventory = up.directory / "cluster.json"
    inventory.write_text('{"items": [')
    sentence = refused(up, "--inventory", str(inventory))
    assert "stream did not start" in sentence
    assert str(inventory) in sentence


def test_a_cgroup_that_is_none_is_named(up: Up) -> None:
    sentence = refused(up, "--cgroup", "/etc")
    assert "agent-node-1 did not start: /etc is no cgroup v2 directory" in sentence


def test_without_capabilities_it_says_how_to_get_them(up: Up) -> None:
    command = [sys.executable, "-m", "deploy.local.cli", "up", *up.arguments]
    done = subprocess.run(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: This host is not ready: capabilities: lacks CAP_")
    assert "sudo" in done.stderr
