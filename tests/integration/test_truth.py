"""From the kernel to SQL: exactly the bytes that the applications moved. No tolerance.

TCP bytes are the kernel's bytes_acked and bytes_received without SYN and FIN, so what applications
wrote and read; UDP bytes are payload.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.probe import find_cgroup2
from deploy.local.system import AgentSpec, Plan, Ports, System
from sql.client import connect as clickhouse
from tests.hosts import Cgroup, Host, connect, new_cgroup, transfer

pytestmark = pytest.mark.integration

NODE = "node-truth"


@dataclass
class Expected:
    """What was really moved, by (protocol, server's address, server's port)."""

    moved: dict[tuple[str, str, int], tuple[int, int]] = field(default_factory=dict)

    def add(self, protocol: str, server: socket.socket, up: int, down: int) -> None:
        address, port = server.getsockname()[:2]
        self.moved[protocol, address, port] = (up, down)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def pod(name: str, host: Host) -> dict[str, Any]:
    addresses = [{"ip": host.ipv4}, {"ip": host.ipv6}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "truth", "uid": name, "labels": {}},
        "spec": {"nodeName": NODE, "containers": []},
        "status": {"phase": "Running", "podIP": host.ipv4, "podIPs": addresses},
    }


def write_inventory(path: Path, client: Host, server: Host) -> Path:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": {}}}
    items = [node, pod("client", client), pod("server", server)]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return path


def exchange(dialing: socket.socket, accepted: socket.socket, up: int, down: int) -> None:
    transfer(dialing, accepted, up)
    transfer(accepted, dialing, down)


def tcp(client: Host, server: Host, family: socket.AddressFamily, expected: Expected) -> None:
    for up, down in ((1_000_003, 104_729), (0, 7_919)):  # the second only receives
        with contextlib.ExitStack() as closing:
            dialing, accepted = connect(client, server, family, closing)
            exchange(dialing, accepted, up, down)
            expected.add("TCP", accepted, up, down)


def udp(client: Host, server: Host, family: socket.AddressFamily, expected: Expected) -> None:
    with (
        server.open(family, socket.SOCK_DGRAM) as serving,
        client.open(family, socket.SOCK_DGRAM) as asking,
    ):
        serving.bind((server.address(family), 0))
        for size in (1009, 60_013):
            asking.sendto(bytes(size), serving.getsockname()[:2])
            _, back = serving.recvfrom(65_535)
            serving.sendto(bytes(13), back[:2])
            asking.recv(100)
        expected.add("UDP", serving, 1009 + 60_013, 26)


@pytest.fixture(scope="module")
def cgroup() -> Iterator[Cgroup]:
    with new_cgroup(find_cgroup2()) as made:
        yield made


@pytest.fixture(scope="module")
def told(
    tmp_path_factory: pytest.TempPathFactory, cgroup: Cgroup, hosts: tuple[Host, Host]
) -> Iterator[tuple[Any, Expected]]:
    """A ClickHouse client after the traffic, and what the traffic was."""
    client, server = hosts
    folder = tmp_path_factory.mktemp("truth")
    plan = Plan(
        data_dir=folder,
        agents=[AgentSpec(NODE, str(cgroup.directory), free_port())],
        inventory=write_inventory(folder / "inventory.json", client, server),
        ports=Ports(free_port(), free_port(), free_port(), console=free_port()),
        interval=1.0,
    )
    expected = Expected()
    system = System(plan, say=lambda _: None)
    with contextlib.ExitStack() as undo:
        with cgroup.inside():
            older = connect(client, server, socket.AF_INET, undo)
            exchange(*older, 50_021, 23)  # before the agent: not for it to count
        undo.callback(system.stop)
        system.start()
        with cgroup.inside():
            exchange(*older, 15_485_863, 32_452_843)
            expected.add("TCP", older[1], 15_485_863, 32_452_843)
            for family in (socket.AF_INET, socket.AF_INET6):
                tcp(client, server, family, expected)
                udp(client, server, family, expected)
        system.settle()
        yield clickhouse(system.clickhouse), expected


@pytest.mark.parametrize("table", ["flows_10s", "flows_1m"])
@pytest.mark.parametrize("reporter", ["client", "server"])
def test_both_ends_report_exactly_what_was_moved(
    told: tuple[Any, Expected], table: str, reporter: str
) -> None:
    client, expected = told
    rows = client.query(
        "SELECT protocol, server_address, server_port, "
        "sum(bytes_to_server) AS up, sum(bytes_to_client) AS down "
        f"FROM {table} WHERE reporter = {{reporter:String}} GROUP BY ALL",
        parameters={"reporter": reporter},
    ).named_results()
    found = {
        (row["protocol"], _plain(row["server_address"]), row["server_port"]): (
            row["up"],
            row["down"],
        )
        for row in rows
    }
    assert found == expected.moved


@pytest.mark.parametrize("table", ["flows_10s", "flows_1m", "flows_1h"])
def test_every_rollup_level_holds_the_same_total(told: tuple[Any, Expected], table: str) -> None:
    client, expected = told
    query = f"SELECT sum(bytes_to_server + bytes_to_client) FROM {table}"
    assert client.command(query) == 2 * sum(map(sum, expected.moved.values()))


def test_edges_count_each_byte_once(told: tuple[Any, Expected]) -> None:
    client, expected = told
    rows = client.query(
        "SELECT client_workload, server_workload, sum(bytes_to_server), sum(bytes_to_client) "
        "FROM edges GROUP BY ALL"
    ).result_rows
    up, down = (sum(moved[way] for moved in expected.moved.values()) for way in (0, 1))
    assert rows == [("client", "server", up, down)]


def test_the_ledgers_of_kernel_agent_stream_and_tables_agree(told: tuple[Any, Expected]) -> None:
    client, expected = told
    [row] = client.query("SELECT * FROM coverage").named_results()
    moved = 2 * sum(map(sum, expected.moved.values()))
    for stage in ("kernel", "agent", "shipped", "stream", "table"):
        assert row[f"{stage}_bytes"] == moved, stage
    assert row["kernel_records"] == row["agent_records"] > 0
    assert row["shipped_rows"] == row["stream_rows"] == row["table_rows"] > 0
    assert row["lost_records"] == row["lost_bytes"] == 0


def _plain(address: Any) -> str:
    return str(address.ipv4_mapped or address)
