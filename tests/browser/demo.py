"""The demo with its console, for tests that look at it as a user does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver import Client

from deploy.local.demo.cluster import DemoCluster
from deploy.local.demo.settings import Settings
from deploy.local.probes import free_ports
from deploy.local.system import System
from sql.client import connect

INTERVAL = 2.0


class Demo(NamedTuple):
    """The shop, the system that watches it, where the console is, and ClickHouse beside it."""

    cluster: DemoCluster
    system: System
    console: str
    client: Client


@contextmanager
def running(data: Path) -> Iterator[Demo]:
    """From the shop's first traffic to its end."""
    agent, bridge, stream, clickhouse, inventory, console = free_ports(6)
    settings = Settings(
        interval=INTERVAL,
        agent_port=agent,
        bridge_port=bridge,
        stream_port=stream,
        clickhouse_port=clickhouse,
        inventory_port=inventory,
        console_port=console,
    )
    cluster = DemoCluster()
    try:
        cluster.start()
        plan = settings.plan(data, cluster.node_cgroups, cluster.namespace, cluster.directory)
        system = System(plan, say=lambda _: None)
        try:
            system.start()
            cluster.start_traffic()
            with connect(system.clickhouse) as client:
                yield Demo(cluster, system, f"http://127.0.0.1:{console}", client)
        finally:
            system.stop()
    finally:
        cluster.stop()
