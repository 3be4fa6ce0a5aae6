"""Settings of `flowatlas demo`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.demo.shop import CLUSTER
from deploy.local.system import AgentSpec, Plan, Ports
from sql.settings import ClickHouse, loaders, setting

LOADERS = loaders("demo")

AGENT_PORT_STEP = 10
"""Between the metrics ports of the nodes' agents, so as not to meet those of the other roles."""


@dataclass(frozen=True)
class Settings:
    """How `flowatlas demo` runs; what it watches is its own shop."""

    seconds: float = setting(0.0, "How long to watch the traffic; 0: until Ctrl-C.")
    kafka: str = setting(
        "embedded", "'embedded' (in memory), 'apache' (on this host) or host:port of yours."
    )
    clickhouse: str = setting("", "URL of your ClickHouse; empty: the embedded one.")
    clickhouse_user: str = setting("default", "User of your ClickHouse.")
    clickhouse_password: str = setting("", "Its password; better given in the environment.")
    clickhouse_database: str = setting("flowatlas", "Database of the tables.")
    interval: float = setting(5.0, "Seconds that one flow row covers at the most.")
    agent_port: int = setting(9101, "Port of the first agent's metrics; the others' are 10 apart.")
    bridge_port: int = setting(9102, "Port of the Prometheus bridge.")
    stream_port: int = setting(9103, "Port of the stream's metrics.")
    inventory_port: int = setting(9104, "Port of the inventory's metrics.")
    clickhouse_port: int = setting(8123, "Port of the embedded ClickHouse.")
    console_port: int = setting(8080, "Port of the console, the web page.")

    def plan(
        self,
        data: Path,
        node_cgroups: Mapping[str, Path],
        namespace: Callable[[str], str],
        shop: Path,
    ) -> Plan:
        """The system with an agent for each node, whose network namespace `namespace` names;
        `shop` is the demo cluster's directory."""
        return Plan(
            data_dir=data,
            agents=[
                AgentSpec(
                    node, str(cgroup), self.agent_port + AGENT_PORT_STEP * index, namespace(node)
                )
                for index, (node, cgroup) in enumerate(node_cgroups.items())
            ],
            inventory=shop / "inventory.json",
            publish=self.kafka in {"embedded", "apache"},
            ip_ranges=shop / "ip_ranges.json",
            network=shop / "network.json",
            cluster=CLUSTER,
            kafka=self.kafka,
            clickhouse=ClickHouse(
                url=self.clickhouse,
                user=self.clickhouse_user,
                password=self.clickhouse_password,
                database=self.clickhouse_database,
            ),
            ports=Ports(
                self.clickhouse_port,
                self.bridge_port,
                self.stream_port,
                self.inventory_port,
                self.console_port,
            ),
            interval=self.interval,
        )
