"""The demo cluster as it runs: real programs in namespaces that lead nowhere else."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from benchmarks.grafana import ALL, Range, Values, expand, queries
from deploy.local.demo import fabric, run
from deploy.local.demo.cluster import DemoCluster
from deploy.local.demo.places import places
from deploy.local.demo.shop import SHOP
from deploy.local.system import System
from sql.client import connect
from tests.demo import INTERVAL, system_over

pytestmark = pytest.mark.integration


class Poll(NamedTuple):
    """Rows by node as a client saw them. Times are Unix seconds."""

    asked: float
    answered: float
    rows: dict[str, int]


class Batch(NamedTuple):
    """What agent_ledger says of one batch. Times are Unix seconds."""

    node: str
    rows: int
    newest: float
    inserted_at: float


@pytest.fixture(scope="module")
def cluster() -> Iterator[DemoCluster]:
    demo = DemoCluster()
    try:
        demo.start()
        demo.start_traffic()
        yield demo
    finally:
        demo.stop()


def inside(cluster: DemoCluster, place: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the place's namespace, with the shop's resolver as the pods have it."""
    script = f'mount --bind {cluster.directory}/resolv.conf /etc/resolv.conf && exec "$@"'
    enter = ["nsenter", f"--net=/run/netns/{cluster.namespace(place)}", "unshare", "--mount"]
    return subprocess.run(
        [*enter, "sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def pod(workload: str) -> str:
    return SHOP.pods_of(workload)[0].name


def node_of(workload: str) -> str:
    return SHOP.pods_of(workload)[0].node.name


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def interfaces() -> set[tuple[str, str]]:
    """Names and addresses of the interfaces of the machine's own namespace."""
    links = json.loads(subprocess.check_output(["ip", "-json", "address"]))
    return {
        (link["ifname"], address.get("local", ""))
        for link in links
        for address in [{}, *link["addr_info"]]
    }


def count(cluster: DemoCluster, place: str, protocol: str, name: str) -> int:
    """A counter of /proc/net/snmp in the place's namespace."""
    counters = inside(cluster, place, "cat", "/proc/net/snmp").stdout.splitlines()
    names, values = (line.split() for line in counters if line.startswith(f"{protocol}: "))
    return int(values[names.index(name)])


def dnat_count(cluster: DemoCluster, node: str, service: str) -> int:
    """How many connections the node has sent on from the Service's address."""
    (address,) = (s.addresses[0] for s in SHOP.services if s.name == service)
    rules = inside(cluster, node, "nft", "list", "table", "inet", "kube-proxy").stdout
    found = re.findall(rf"ip daddr {address} tcp .* counter packets (\d+) .* dnat ip to", rules)
    return sum(map(int, found))


def test_a_client_reaches_a_cluster_ip_by_its_name_and_is_sent_on_to_a_pod(
    cluster: DemoCluster,
) -> None:
    node = node_of("shoppers")
    before = dnat_count(cluster, node, "storefront")
    answer = inside(cluster, pod("shoppers"), "curl", "-s", "http://storefront/cart/2000")
    assert len(answer.stdout) == 2000
    assert dnat_count(cluster, node, "storefront") > before


def test_every_backend_of_a_service_gets_its_share(cluster: DemoCluster) -> None:
    def all_asked() -> bool:
        backends = SHOP.pods_of("dnsmasq")
        return all(count(cluster, backend.name, "Udp", "InDatagrams") > 0 for backend in backends)

    assert eventually(all_asked)


def test_a_service_is_reached_over_ipv6(cluster: DemoCluster) -> None:
    answer = inside(cluster, pod("shoppers"), "curl", "-6", "-s", "http://catalogue/2000")
    assert len(answer.stdout) == 2000


def test_dns_answers_for_aws_and_denies_what_it_does_not_know(cluster: DemoCluster) -> None:
    names = ("shop-media.s3.us-east-1.amazonaws.com", "no-such-service")
    known, unknown = (inside(cluster, pod("cart"), "getent", "ahosts", name) for name in names)
    assert "52.216.8.45" in known.stdout
    assert (unknown.returncode, unknown.stdout) == (2, "")


def test_a_port_that_nobody_serves_refuses(cluster: DemoCluster) -> None:
    connecting = inside(
        cluster, pod("nightly-report"), "curl", "-sv", "http://catalogue:9090/metrics"
    )
    assert connecting.returncode == 7
    assert "Connection refused" in connecting.stderr


def test_a_host_that_is_switched_off_does_not_answer(cluster: DemoCluster) -> None:
    connecting = inside(
        cluster, pod("nightly-report"), "curl", "-sv", "http://warehouse.corp.example"
    )
    assert connecting.returncode == 28
    assert "timed out" in connecting.stderr


def test_packets_between_checkout_and_payment_get_lost(cluster: DemoCluster) -> None:
    def dropped() -> bool:
        rules = inside(cluster, "vpc", "nft", "list", "ruleset").stdout
        return any(int(count) for count in re.findall(r"counter packets (\d+)", rules))

    def retransmitted() -> bool:
        return count(cluster, pod("checkout"), "Tcp", "RetransSegs") > 0

    assert eventually(lambda: dropped() and retransmitted())


def test_every_program_runs_in_the_cgroup_of_its_container(cluster: DemoCluster) -> None:
    root = next(iter(cluster.node_cgroups.values())).parent
    for place in places(SHOP):
        for container in place.containers:
            assert (root / container.cgroup / "cgroup.procs").read_text(), container.cgroup


def test_nothing_leads_to_the_machines_own_interfaces(cluster: DemoCluster) -> None:
    routes = inside(cluster, "vpc", "ip", "-json", "route", "show", "default").stdout
    assert json.loads(routes or "[]") == []
    for place in places(SHOP):
        links = json.loads(inside(cluster, place.name, "ip", "-json", "-details", "link").stdout)
        kinds = {link.get("linkinfo", {}).get("info_kind", link["ifname"]) for link in links}
        assert kinds <= {"lo", "veth"}
    for address in {address for name, address in interfaces() if name != "lo" and "." in address}:
        attempt = inside(cluster, pod("catalogue"), "curl", "-sv", "-m", "2", f"http://{address}")
        assert attempt.returncode == 7
        assert "No route to host" in attempt.stderr or "unreachable" in attempt.stderr


WATCHED_SECONDS = 12.0
ROWS_SEEN = "SELECT node, sum(flow_rows) FROM flows_10s GROUP BY node"
BATCHES = """
SELECT node, stream_rows, toUnixTimestamp64Milli(newest) / 1000,
    toUnixTimestamp64Milli(inserted_at) / 1000
FROM agent_ledger WHERE stream_rows > 0 ORDER BY inserted_at
"""


@pytest.fixture(scope="module")
def system(cluster: DemoCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system over the demo."""
    system = system_over(cluster, tmp_path_factory.mktemp("demo"))
    try:
        system.start()
        yield system
    finally:
        system.stop()


@pytest.fixture(scope="module")
def watched(system: System) -> tuple[list[Poll], list[Batch]]:
    """What a client got that asked for rows all the time."""
    client = connect(system.clickhouse)
    polls, end = [], time.time() + WATCHED_SECONDS
    while time.time() < end:
        asked = time.time()
        seen = client.query(ROWS_SEEN).result_rows
        polls.append(Poll(asked, time.time(), {str(node): int(rows) for node, rows in seen}))
        time.sleep(0.05)
    batches = [Batch(*row) for row in client.query(BATCHES).result_rows]
    return polls, [batch for batch in batches if batch.inserted_at < polls[-1].asked]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def rows_by(batches: list[Batch], time_: float) -> Counter[str]:
    rows: Counter[str] = Counter()
    for batch in batches:
        rows[batch.node] += batch.rows if batch.inserted_at <= time_ else 0
    return rows


def test_rows_are_there_from_the_time_that_inserted_at_tells(
    watched: tuple[list[Poll], list[Batch]],
) -> None:
    polls, batches = watched
    for poll in polls:
        assert all(
            poll.rows.get(node, 0) >= rows for node, rows in rows_by(batches, poll.asked).items()
        )


def test_an_interval_can_be_queried_soon_after_its_end(
    watched: tuple[list[Poll], list[Batch]],
) -> None:
    polls, batches = watched
    assert len(batches) >= 9
    told = [batch.inserted_at - batch.newest for batch in batches]
    seen = [first_seen(polls, batches, batch) - batch.newest for batch in batches]
    assert percentile(told, 0.99) <= INTERVAL + 3
    assert percentile(seen, 0.99) <= INTERVAL + 3


def first_seen(polls: list[Poll], batches: list[Batch], batch: Batch) -> float:
    """When a client first got all rows that the node's batches have until this one."""
    wanted = rows_by(batches, batch.inserted_at)[batch.node]
    return next(poll.answered for poll in polls if poll.rows.get(batch.node, 0) >= wanted)


EMPTY_IN_THE_DEMO = {
    "map: What changed since the same hours of last week (A)",  # it has not run for a week
    "slow: Dropped packets by the kernel's reason (A)",  # its agents share one kernel
    "slow: Resets and dropped packets (A)",  # may come late
}


@pytest.mark.usefixtures("watched")
def test_every_panel_shows_what_the_demo_does(system: System) -> None:
    now = datetime.now(UTC)
    everything: Values = {"cluster": ALL, "namespace": ALL, "workload": ALL}
    with connect(system.clickhouse) as client:
        answers = {
            asked.name: client.query(
                expand(asked.sql, Range(now - timedelta(minutes=15), now), everything)
            ).row_count
            for asked in queries()
        }
    assert {name for name, rows in answers.items() if not rows} <= EMPTY_IN_THE_DEMO


def test_after_stop_nothing_is_left_and_the_machine_is_as_before() -> None:
    before = interfaces()
    demo = DemoCluster()
    demo.start()
    demo.start_traffic()
    directory, prefix, cgroup = demo.directory, demo.namespace(""), demo.node_cgroups["node-a"]
    assert interfaces() == before
    demo.stop_traffic()
    demo.stop()
    assert interfaces() == before
    assert fabric.names(prefix) == []
    assert not directory.exists()
    assert not cgroup.parent.exists()
    demo.stop()  # twice is once


def test_what_a_killed_run_left_behind_is_removed_by_the_next() -> None:
    code = """
import time
from deploy.local.demo.cluster import DemoCluster
demo = DemoCluster()
demo.start()
demo.start_traffic()
print(demo.directory.name, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        left = run.Run(killed.stdout.readline().strip())
        run.remove_dead()
        assert left.directory.exists()  # it is not dead yet
        killed.send_signal(signal.SIGKILL)
    assert left.cgroup.exists()
    assert (left.cgroup / "cgroup.events").read_text().startswith("populated 1")
    run.remove_dead()
    assert not left.cgroup.exists()
    assert not left.directory.exists()
    assert fabric.names(left.prefix) == []
