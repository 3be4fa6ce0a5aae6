"""Settings of `flowatlas up`."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typed_settings as ts
from typed_settings.loaders import Loader

from deploy.local.system import AgentSpec, Plan, Ports
from sql.settings import ClickHouse


def _setting(default: Any, about: str) -> Any:
    return field(default=default, metadata={"typed-settings": {"help": about}})


@dataclass(frozen=True)
class Settings:
    """What `flowatlas up` runs on this host."""

    node: str = _setting(socket.gethostname(), "Name of this node in Kubernetes.")
    cluster: str = _setting("local", "Name of the cluster, a column of every row.")
    cgroup: str = _setting("", "cgroup v2 directory to watch; empty: the whole host.")
    interval: float = _setting(5.0, "Seconds that one flow row covers at the most.")
    kafka: str = _setting(
        "embedded", "'embedded' (in memory), 'apache' (on this host) or host:port of yours."
    )
    clickhouse: str = _setting("", "URL of your ClickHouse; empty: the embedded one.")
    clickhouse_user: str = _setting("default", "User of your ClickHouse.")
    clickhouse_password: str = _setting("", "Its password; better given in the environment.")
    clickhouse_database: str = _setting("flowatlas", "Database of the tables.")
    inventory: str = _setting(
        "", "File with `kubectl get nodes,pods,services,endpointslices -A -o json`."
    )
    ip_ranges: str = _setting("", "File with AWS's ip-ranges.json.")
    network: str = _setting("", "File printed by `flowatlas network`.")
    prices: str = _setting("", "File of prices over AWS's list prices, or 'off'.")
    data_dir: str = _setting("/var/lib/flowatlas", "Directory for tables and logs.")
    agent_port: int = _setting(9101, "Port of the agent's metrics.")
    bridge_port: int = _setting(9102, "Port of the Prometheus bridge.")
    stream_port: int = _setting(9103, "Port of the stream's metrics.")
    clickhouse_port: int = _setting(8123, "Port of the embedded ClickHouse.")
    console_port: int = _setting(8080, "Port of the console, the web page.")

    def plan(self) -> Plan:
        """The system of one agent that these settings describe."""
        return Plan(
            data_dir=Path(self.data_dir),
            agents=[AgentSpec(self.node, self.cgroup, self.agent_port)],
            inventory=Path(self.inventory) if self.inventory else None,
            ip_ranges=Path(self.ip_ranges) if self.ip_ranges else None,
            network=Path(self.network) if self.network else None,
            prices=self.prices,
            cluster=self.cluster,
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
                console=self.console_port,
            ),
            interval=self.interval,
        )


LOADERS: list[Loader] = [
    ts.FileLoader(files=[], env_var="FLOWATLAS_SETTINGS", formats={"*.toml": ts.TomlFormat("up")}),
    ts.EnvLoader("FLOWATLAS_UP_"),
]
