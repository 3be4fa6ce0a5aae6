"""The demo on ports of its own, for tests of whatever looks at it."""

from __future__ import annotations

from pathlib import Path

from deploy.local.demo.cluster import DemoCluster
from deploy.local.demo.settings import Settings
from deploy.local.probes import free_ports
from deploy.local.system import System

INTERVAL = 2.0


def system_over(cluster: DemoCluster, data: Path) -> System:
    """The whole system over a cluster that has started; not started itself."""
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
    plan = settings.plan(data, cluster.node_cgroups, cluster.namespace, cluster.directory)
    return System(plan, say=lambda _: None)
