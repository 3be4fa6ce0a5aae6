"""The demo with its console, for tests that look at it as a user does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver import Client

from deploy.local.demo.cluster import DemoCluster
from deploy.local.demo.places import places
from deploy.local.demo.shop import SHOP
from sql.client import connect
from tests.demo import system_over

SEEN = "SELECT uniqExact(window) FROM flows_10s WHERE client_workload = 'checkout'"


class Demo(NamedTuple):
    """The shop, where its console is, and ClickHouse beside it."""

    cluster: DemoCluster
    console: str
    client: Client

    def wait_for_windows(self, number: int, seconds: float = 90) -> None:
        """Until so many windows of 10 s have traffic in the tables."""
        end = time.monotonic() + seconds
        while self.client.query(SEEN).result_rows[0][0] < number:
            assert time.monotonic() < end, f"no {number} windows within {seconds} s"
            time.sleep(0.5)

    def run_in_pod_of(self, workload: str, *command: str) -> str:
        """What the command prints, run as a process of the workload's first pod."""
        pod = SHOP.pods_of(workload)[0].name
        (container, *_) = next(place for place in places(SHOP) if place.name == pod).containers
        root = next(iter(self.cluster.node_cgroups.values())).parent
        place = [str(root / container.cgroup), f"/run/netns/{self.cluster.namespace(pod)}"]
        made = subprocess.run(
            ["sh", "enter.sh", *place, *command],
            cwd=self.cluster.directory,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return made.stdout


@contextmanager
def running(data: Path) -> Iterator[Demo]:
    """From the shop's first traffic to its end."""
    cluster = DemoCluster()
    try:
        cluster.start()
        system = system_over(cluster, data)
        try:
            system.start()
            cluster.start_traffic()
            with connect(system.clickhouse) as client:
                yield Demo(cluster, f"http://127.0.0.1:{system.plan.ports.console}", client)
        finally:
            system.stop()
    finally:
        cluster.stop()
