"""Prometheus scrapes a running agent: what pods do, answered by PromQL."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.interfaces import driver, statistics
from agent.namespace import inside
from agent.probe import find_cgroup2
from deploy.local.probes import http_answers
from deploy.local.supervisor import role_command
from tests.hosts import Cgroup, Host, new_cgroup, transfer, two_hosts

pytestmark = pytest.mark.integration

UIDS = {name: f"{number}0000000-0000-4000-8000-000000000000" for number, name in enumerate("abc")}
CONTAINER = "c0" * 32


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], url: str, log: Path) -> Iterator[None]:
    """The command, once it answers at the URL, until the end of the block."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as it:
        try:
            deadline = time.monotonic() + 40
            while not http_answers(url):
                assert it.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            it.terminate()
            it.wait(20)


def query(prometheus: str, promql: str) -> dict[str, float]:
    """The result by pod_uid, or whatever its only label is."""
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: list[Any] = json.load(answer)["data"]["result"]
    return {",".join(one["metric"].values()): float(one["value"][1]) for one in found}


def wait_for(prometheus: str, promql: str, expected: dict[str, float]) -> None:
    deadline = time.monotonic() + 20
    while (found := query(prometheus, promql)) != expected:
        assert time.monotonic() < deadline, f"{promql}: {found}, not {expected}"
        time.sleep(0.3)


@contextlib.contextmanager
def pod(node: Cgroup, uid: str) -> Iterator[Cgroup]:
    """A pod's container below a node, as the kubelet's cgroupfs driver makes it."""
    parts = ["kubepods", f"pod{uid}", CONTAINER]
    directories = [node.directory.joinpath(*parts[:depth]) for depth in (1, 2, 3)]
    for directory in directories:
        directory.mkdir(exist_ok=True)
    try:
        yield Cgroup(directories[-1], node.home)
    finally:
        for directory in reversed(directories):
            with contextlib.suppress(OSError):  # another pod is there still
                directory.rmdir()


def talk(hosts: tuple[Host, Host], size: int, closing: contextlib.ExitStack) -> None:
    client, server = hosts
    with server.listen(socket.AF_INET) as listener:
        dialing = closing.enter_context(client.open(socket.AF_INET, socket.SOCK_STREAM))
        dialing.connect(listener.getsockname())
        with listener.accept()[0] as accepted:
            transfer(dialing, accepted, size)
            dialing.close()


def fail(hosts: tuple[Host, Host]) -> None:
    with hosts[0].open(socket.AF_INET, socket.SOCK_STREAM) as dialing:
        assert dialing.connect_ex((hosts[1].ipv4, 9)) == 111  # ECONNREFUSED


def test_prometheus_answers_the_three_questions_of_pods(tmp_path: Path) -> None:
    """Who moves how much, who fails and why, who is far away."""
    agent_port, prometheus_port = free_port(), free_port()
    metrics = f"http://127.0.0.1:{agent_port}/metrics"
    prometheus = f"http://127.0.0.1:{prometheus_port}"
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 300ms, scrape_timeout: 300ms}\n"
        "scrape_configs: [{job_name: agent, static_configs: "
        f'[{{targets: ["127.0.0.1:{agent_port}"]}}]}}]\n'
    )
    with contextlib.ExitStack() as closing:
        hosts = closing.enter_context(two_hosts())
        node = closing.enter_context(new_cgroup(find_cgroup2()))
        pods = {name: closing.enter_context(pod(node, uid)) for name, uid in UIDS.items()}
        flags = [
            "--node",
            "n",
            "--cgroup",
            str(node.directory),
            "--pins",
            "",
            "--kafka",
            "127.0.0.1:1",
        ]
        flags += ["--metrics-port", str(agent_port), "--interval", "0.5"]
        flags += ["--network-namespace", hosts[0].name, "--kafka-timeout", "0.1"]
        flags += ["--spool-directory", str(tmp_path / "spool")]
        agent = role_command("agent", *flags)
        closing.enter_context(running(agent, metrics, tmp_path / "agent.log"))
        command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml"]
        command += [f"--storage.tsdb.path={tmp_path}/tsdb"]
        command += [f"--web.listen-address=127.0.0.1:{prometheus_port}"]
        ready = f"{prometheus}/-/ready"
        closing.enter_context(running(command, ready, tmp_path / "prometheus.log"))
        for name, size in (("a", 1_000_003), ("b", 50_021)):
            with pods[name].inside():
                talk(hosts, size, closing)
        with pods["c"].inside():
            for _ in range(3):
                fail(hosts)

        def by_pod(**values: float) -> dict[str, float]:
            return {UIDS[name]: value for name, value in values.items()}

        sent = 'sum by (pod_uid) (flowatlas_pod_bytes_total{direction="sent"})'
        wait_for(prometheus, sent, by_pod(a=1_000_003, b=50_021))
        failures = "sum by (pod_uid, cause) (flowatlas_pod_connection_failures_total) > 0"
        wait_for(prometheus, failures, {f"refused,{UIDS['c']}": 3})
        near = "histogram_quantile(0.5, sum by (pod_uid, le) (flowatlas_pod_rtt_seconds_bucket))"
        quantiles = query(prometheus, near)
        assert set(quantiles) >= {UIDS["a"], UIDS["b"]}
        assert all(0 < quantiles[UIDS[name]] < 0.01 for name in "ab")
        assert query(prometheus, "sum(flowatlas_pod_connections_total{event='attempted'})") == {
            "": 5
        }
        interface = 'sum(flowatlas_node_interface_bytes_total{interface="cable",direction="sent"})'
        assert query(prometheus, interface)[""] > 1_050_024
        assert query(prometheus, "max(flowatlas_agent_conntrack_up)") == {"": 1}
        with urllib.request.urlopen(metrics, timeout=10) as answer:
            text = answer.read()
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False, timeout=20
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_drivers_own_statistics_are_read() -> None:
    with two_hosts() as (left, right):
        for host in (left, right):
            with inside(host.name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                assert driver(asking, "cable") == "veth"
                assert statistics(asking, "cable")["peer_ifindex"] > 0
                with pytest.raises(OSError, match="No such device"):
                    driver(asking, "nonesuch")
