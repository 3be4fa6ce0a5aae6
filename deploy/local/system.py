"""The whole system on one machine: what is started, in which order, with which arguments."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import click

from agent import wire
from deploy.local import probes, reconcile, topics
from deploy.local.broker import EmbeddedBroker
from deploy.local.errors import NotStartedError, PortTakenError, UnreachableError
from deploy.local.kafka import ApacheKafka
from deploy.local.supervisor import SupervisedProcess, role_command
from sql.migrate import migrate
from sql.settings import ClickHouse

READER = "reader"
"""The embedded ClickHouse's user that may only read."""


class Stoppable(Protocol):
    """A part of the running system."""

    def stop(self) -> None:
        """Block until it is gone."""


@dataclass(frozen=True)
class AgentSpec:
    """One agent: the node it reports as, the cgroup2 directory it watches, "" for all of it, and
    the network namespace that is the node's, "" for this host's."""

    node: str
    cgroup: str = ""
    metrics_port: int = 9101
    network_namespace: str = ""


@dataclass(frozen=True)
class Ports:
    """Where the system's servers listen, on 127.0.0.1; the agents' ports are in their specs."""

    clickhouse: int = 8123
    bridge: int = 9102
    stream: int = 9103
    inventory: int = 9104
    console: int = 8080


@dataclass(frozen=True)
class Plan:
    """What to run. `kafka` is "embedded", "apache" or host:port; an empty `clickhouse.url` means
    the embedded ClickHouse. `interval` is the agents', in seconds. `publish`: the inventory goes
    to the stream by its topic, as a cluster's does, which only a broker of our own is for."""

    data_dir: Path
    agents: Sequence[AgentSpec]
    inventory: Path | None = None
    publish: bool = False
    ip_ranges: Path | None = None
    network: Path | None = None
    prices: str = ""
    cluster: str = "local"
    kafka: str = "embedded"
    clickhouse: ClickHouse = field(default_factory=lambda: ClickHouse(url=""))
    ports: Ports = Ports()
    interval: float = 5.0
    start_seconds: float = 60.0
    drain_seconds: float = 60.0


class System:
    """All roles as child processes, started along the data's way and stopped against it.

    `say` receives a line of progress for every step. Logs and data are in `plan.data_dir`.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None] = click.echo) -> None:
        self.plan = plan
        self.kafka = ""
        self.clickhouse = plan.clickhouse
        self.group = "flowatlas"
        self._say = say
        self._logs = plan.data_dir / "logs"
        self._running: list[Stoppable] = []
        self._agents: list[SupervisedProcess] = []

    def start(self) -> None:
        """Block until every role is ready. If one is not, stop what was started and raise its
        reason, a click.ClickException."""
        try:
            self._check_ports()
            self._start_broker()
            self._start_server()
            self._migrate()
            self._start_inventory()
            self._start_stream()
            self._start_bridge()
            self._start_console()
            self._start_agents()
        except BaseException:
            self.stop()
            raise

    def settle(self) -> None:
        """Stop the agents, which send what they hold, and wait until all of it is in ClickHouse.

        ClickHouse answers on. Blocks for `plan.drain_seconds` at the most, and says what is left.
        """
        agents, self._agents = self._agents, []
        for agent in agents:
            agent.ask_to_stop()
        for agent in agents:
            agent.stop()
        if agents:
            self._drain()

    def stop(self) -> None:
        """Settle, then stop everything else, the last started first. Twice is once."""
        self.settle()
        while self._running:
            self._running.pop().stop()

    def check(self) -> None:
        """Raise NotStartedError if the embedded broker ended: a new one would be an empty one."""
        for part in self._running:
            if isinstance(part, EmbeddedBroker) and not part.process.running:
                log_file = part.process.log_file
                raise NotStartedError("broker", "it ended and took its messages along", log_file)

    def _check_ports(self) -> None:
        ports = self.plan.ports
        wanted = [(agent.metrics_port, "an agent", "--agent-port") for agent in self.plan.agents]
        wanted += [(ports.bridge, "the bridge", "--bridge-port")]
        wanted += [(ports.stream, "the stream", "--stream-port")]
        wanted += [(ports.console, "the console", "--console-port")]
        if self.plan.publish:
            wanted += [(ports.inventory, "the inventory", "--inventory-port")]
        if not self.plan.clickhouse.url:
            wanted += [(ports.clickhouse, "the embedded ClickHouse", "--clickhouse-port")]
        for port, role, option in wanted:
            if not probes.port_is_free(port):
                raise PortTakenError(port, role, option)

    def _start_broker(self) -> None:
        broker: EmbeddedBroker | ApacheKafka
        match self.plan.kafka:
            case "embedded":
                self._say("starting the embedded broker (in memory: it forgets all when it ends)")
                broker = EmbeddedBroker(self._logs)
                # Its offsets begin at 0 each time; under an earlier group's name the stream would
                # take them for offsets that it has inserted already.
                self.group = f"flowatlas-{uuid4().hex[:8]}"
            case "apache":
                self._say("starting Apache Kafka")
                broker = ApacheKafka(self.plan.data_dir / "kafka")
            case address:
                if not probes.kafka_answers(address):
                    raise UnreachableError("Kafka", address, "--kafka")
                self.kafka = address
                return
        self._running.append(broker)
        self.kafka = broker.start()

    def _start_server(self) -> None:
        if self.plan.clickhouse.url:
            if not probes.http_answers(f"{self.plan.clickhouse.url.rstrip('/')}/ping"):
                raise UnreachableError("ClickHouse", self.plan.clickhouse.url, "--clickhouse")
            return
        port = self.plan.ports.clickhouse
        self.clickhouse = ClickHouse(url=f"http://127.0.0.1:{port}")
        self._say(f"starting the embedded ClickHouse on {self.clickhouse.url}")
        path = str(self.plan.data_dir / "clickhouse")
        server = self._role("server", "--port", str(port), "--path", path)
        self._start_role(server, f"{self.clickhouse.url}/ping")

    def _migrate(self) -> None:
        self._say("bringing ClickHouse's tables and Kafka's topics up to date")
        migrate(self.clickhouse)
        if self.plan.kafka != "embedded":  # which has them from its start
            # A cluster that others use too is not altered by the run of one host.
            shared = self.plan.kafka != "apache"
            reconcile.bring_up_to_date(self.kafka, topics.load(), only_missing=shared)

    def _start_inventory(self) -> None:
        if not (self.plan.publish and self.plan.inventory):
            return
        self._say("publishing the inventory")
        port = self.plan.ports.inventory
        flags = ["--kafka", self.kafka, "--file", str(self.plan.inventory)]
        inventory = self._role("inventory", *flags, "--metrics-port", str(port))
        self._start_role(inventory, f"http://127.0.0.1:{port}/health")

    def _start_stream(self) -> None:
        self._say("starting the stream")
        port = self.plan.ports.stream
        flags = ["--kafka", self.kafka, "--group", self.group, "--cluster", self.plan.cluster]
        flags += ["--metrics-port", str(port)]
        if self.plan.inventory and not self.plan.publish:
            flags += ["--inventory", str(self.plan.inventory)]
        if self.plan.ip_ranges:
            flags += ["--ip-ranges", str(self.plan.ip_ranges)]
        if self.plan.network:
            flags += ["--network", str(self.plan.network)]
        if self.plan.prices:
            flags += ["--prices", self.plan.prices]
        stream = self._role("stream", *flags, *self._clickhouse_flags())
        # Its metrics answer before it has read the inventory, which may be what ends it.
        self._start_role(stream, f"http://127.0.0.1:{port}/health")

    def _start_bridge(self) -> None:
        port = self.plan.ports.bridge
        self._say(f"starting the Prometheus bridge on http://127.0.0.1:{port}/metrics")
        state = str(self.plan.data_dir / "bridge.npz")
        flags = ["--port", str(port), "--state", state]
        bridge = self._role("bridge", *flags, *self._clickhouse_flags())
        self._start_role(bridge, f"http://127.0.0.1:{port}/metrics")

    def _start_console(self) -> None:
        port = self.plan.ports.console
        self._say("starting the console")
        flags = [*self._clickhouse_flags(), "--port", str(port)]
        if not self.plan.clickhouse.url:
            flags += ["--clickhouse-user", READER]
        console = self._role("console", *flags)
        self._start_role(console, f"http://127.0.0.1:{port}/metrics")

    def _start_agents(self) -> None:
        """Start all at once: what takes an agent's time is compiling its BPF programs."""
        for spec in self.plan.agents:
            self._say(f"starting the agent of {spec.node}")
            flags = ["--node", spec.node, "--kafka", self.kafka, "--cgroup", spec.cgroup]
            flags += ["--pins", ""]  # this machine is left as it was
            flags += [
                "--metrics-port",
                str(spec.metrics_port),
                "--interval",
                str(self.plan.interval),
                "--spool-directory",
                str(self.plan.data_dir / "spool" / spec.node),
                "--network-namespace",
                spec.network_namespace,
            ]
            agent = self._role("agent", *flags, name=f"agent-{spec.node}")
            self._agents.append(agent)
            agent.start()
        for spec, agent in zip(self.plan.agents, self._agents, strict=True):
            self._wait_for(agent, f"http://127.0.0.1:{spec.metrics_port}/metrics")

    def _role(self, role: str, *flags: str, name: str = "") -> SupervisedProcess:
        command = role_command(role, *flags)
        environment = self._secrets(role)
        return SupervisedProcess(name or role, command, self._logs, environment=environment)

    def _start_role(self, process: SupervisedProcess, url: str) -> None:
        self._running.append(process)
        process.start()
        self._wait_for(process, url)

    def _wait_for(self, process: SupervisedProcess, url: str) -> None:
        process.wait_until(lambda: probes.http_answers(url), self.plan.start_seconds)

    def _clickhouse_flags(self) -> list[str]:
        there = self.clickhouse
        flags = ["--clickhouse-url", there.url, "--clickhouse-user", there.user]
        return [*flags, "--clickhouse-database", there.database]

    def _secrets(self, role: str) -> dict[str, str]:
        """What must not stand on a command line, where every user of the machine can read it."""
        return {f"FLOWATLAS_{role.upper()}_CLICKHOUSE_PASSWORD": self.clickhouse.password}

    def _drain(self) -> None:
        self._say("waiting until the stream has inserted everything")
        deadline = time.monotonic() + self.plan.drain_seconds
        while (left := probes.uncommitted(self.kafka, self.group, wire.FLOWS_TOPIC)) != 0:
            if left is None:
                self._say("Kafka no longer answers; what it held may be missing in ClickHouse")
                return
            if time.monotonic() > deadline:
                self._say(f"{left} batches are left in Kafka; the stream's log says why")
                return
            time.sleep(0.2)
