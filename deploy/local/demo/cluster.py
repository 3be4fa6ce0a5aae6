"""The demo cluster: the shop's nodes, pods and traffic on this machine."""

import json
import os
import shutil
import subprocess
import time
from importlib.resources import as_file, files
from pathlib import Path

from deploy.local.demo import cgroups, cluster_ip, fabric, processes, run
from deploy.local.demo.command import run as run_command
from deploy.local.demo.errors import MissingProgramsError, NotRootError
from deploy.local.demo.inventory import inventory
from deploy.local.demo.model import VPC, Shop
from deploy.local.demo.network import network
from deploy.local.demo.places import Container, Place, places
from deploy.local.demo.programs import FILE_SIZES, PACKAGES
from deploy.local.demo.shop import SHOP
from stream.network import file


class DemoCluster:
    """Three nodes of namespaces and cgroups with real programs talking in them.

    `start` makes the cluster and its servers, `start_traffic` sends their clients in;
    `stop_traffic` ends all programs and leaves the cgroups for the agents to finish with, `stop`
    removes everything, whatever state it is in. What an earlier run that was killed left behind is
    removed by the next `start`.
    """

    def __init__(self, shop: Shop = SHOP) -> None:
        self._shop = shop
        self._places = places(shop)
        self._run: run.Run | None = None
        self._lease: run.Lease | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def directory(self) -> Path:
        """The run's own directory; holds `inventory.json`, `ip_ranges.json` and
        `network.json` for the stream."""
        return self._running().directory

    @property
    def node_cgroups(self) -> dict[str, Path]:
        """The cgroup of each node, by the node's name: what its agent attaches to."""
        return {node.name: self._running().cgroup / node.name for node in self._shop.nodes}

    def namespace(self, place: str) -> str:
        """Name, as in `ip netns`, of the namespace of a pod, node, outside host or the VPC."""
        return f"{self._running().prefix}{place}"

    def start(self) -> None:
        """Build the cluster and start its servers, within about a second. Raises DemoError."""
        _require_host()
        run.remove_dead()
        self._run, self._lease = run.begin()
        self._write_files()
        self._make_nodes()
        fabric.build(self._places, self._shop.switched_off, self._run.prefix)
        self._load_rules()
        self._start_programs(servers=True)

    def start_traffic(self) -> None:
        """Start the clients; they go on until `stop_traffic`."""
        self._start_programs(servers=False)

    def stop_traffic(self) -> None:
        """End the clients, give their connections a second to close, then end the servers."""
        for _, container in self._containers(servers=False):
            cgroups.kill(self._running().cgroup / container.cgroup)
        time.sleep(1)
        cgroups.kill(self._running().cgroup)

    def stop(self) -> None:
        """Remove all that `start` made; does nothing if there is nothing."""
        if self._run is None or self._lease is None:
            return
        self._run.remove()
        self._lease.release()
        for process in self._processes:
            process.wait()
        self._run = self._lease = None
        self._processes = []

    def _running(self) -> run.Run:
        if self._run is None:
            raise RuntimeError("the demo cluster is not started")
        return self._run

    def _write_files(self) -> None:
        package, directory = files(__package__), self.directory
        with as_file(package / "pod") as source:
            shutil.copytree(source, directory, dirs_exist_ok=True)
        with as_file(package / "ip_ranges.json") as source:
            shutil.copy(source, directory)
        (directory / "logs").mkdir()
        (directory / "www").mkdir()
        for size in FILE_SIZES:
            (directory / "www" / str(size)).write_bytes(bytes(size))
        (directory / "dnsmasq.conf").write_text(dnsmasq_configuration(self._shop))
        (directory / "inventory.json").write_text(json.dumps(inventory(self._shop), indent=2))
        account = network(self._shop, directory / "ip_ranges.json")
        (directory / "network.json").write_text(file.dump(account))

    def _make_nodes(self) -> None:
        for cgroup in self.node_cgroups.values():
            cgroup.mkdir(parents=True)

    def _load_rules(self) -> None:
        for node in self._shop.nodes:
            self._load(node.name, cluster_ip.service_rules(self._shop))
        self._load(VPC, cluster_ip.fault_rules(self._shop))

    def _load(self, place: str, rules: str) -> None:
        run_command("nft", "-f", "-", stdin=rules, namespace=self.namespace(place))

    def _start_programs(self, *, servers: bool) -> None:
        for place, container in self._containers(servers=servers):
            process = processes.start(
                container.program,
                self._running().cgroup / container.cgroup,
                self.namespace(place.name),
                self.directory,
            )
            self._processes.append(process)

    def _containers(self, *, servers: bool) -> list[tuple[Place, Container]]:
        return [
            (place, container)
            for place in self._places
            for container in place.containers
            if (container.program.port is not None) is servers
        ]


def dnsmasq_configuration(shop: Shop) -> str:
    """Answers for every name of the shop, and for nothing else, as the cluster's DNS server."""
    known = {service.domain: service.addresses for service in shop.services}
    known |= {domain: host.addresses for host in shop.hosts for domain in host.domains}
    zones = ["cluster.local", *known]
    return "\n".join(
        [
            "no-resolv",
            "no-hosts",
            *(f"local=/{zone}/" for zone in zones),
            *(f"host-record={','.join([name, *addresses])}" for name, addresses in known.items()),
            "",
        ]
    )


def _require_host() -> None:
    if os.geteuid() != 0:
        raise NotRootError
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing:
        raise MissingProgramsError(missing)
    cgroups.mount_point()
