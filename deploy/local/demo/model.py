"""The words that a demo cluster is described in.

`shop.py` states nodes, workloads, Services and outside hosts; addresses, names and placement of
the pods follow from those here, always the same, so that two runs give the same inventory.
"""

import ipaddress
import uuid
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

VPC = "vpc"
"""Name of the namespace that routes between nodes and outside hosts, as a VPC's router does."""


def _digits(text: str, length: int) -> str:
    return sha256(text.encode()).hexdigest()[:length]


@dataclass(frozen=True)
class Program:
    """A real program. With a `port` it is a server, waited for until it listens there (TCP)."""

    name: str
    command: tuple[str, ...]
    port: int | None = None


@dataclass(frozen=True)
class Node:
    name: str
    zone: str
    zone_id: str
    instance_id: str
    subnet: str
    subnet6: str

    def addresses_at(self, index: int) -> tuple[str, str]:
        """The IPv4 and IPv6 address number `index` of the node's subnets."""
        return tuple(  # type: ignore[return-value]
            str(ipaddress.ip_network(subnet)[index]) for subnet in (self.subnet, self.subnet6)
        )

    @property
    def addresses(self) -> tuple[str, str]:
        return self.addresses_at(10)


@dataclass(frozen=True)
class Workload:
    """One pod per entry of `nodes`. `sysctls` are the pod's own, as in its securityContext."""

    name: str
    nodes: tuple[str, ...]
    programs: tuple[Program, ...]
    kind: str = "Deployment"
    namespace: str = "shop"
    sysctls: tuple[tuple[str, str], ...] = ()

    @property
    def template_hash(self) -> str:
        return _digits(f"{self.namespace}/{self.name}", 10)

    @property
    def controller(self) -> tuple[str, str]:
        """Kind and name of what owns the pods: a Deployment's pods belong to its ReplicaSet."""
        if self.kind == "Deployment":
            return "ReplicaSet", f"{self.name}-{self.template_hash}"
        return self.kind, self.name


@dataclass(frozen=True)
class Pod:
    workload: Workload
    ordinal: int
    node: Node
    addresses: tuple[str, str]

    @property
    def name(self) -> str:
        if self.workload.kind == "StatefulSet":
            return f"{self.workload.name}-{self.ordinal}"
        owner = self.workload.controller[1]
        return f"{owner}-{_digits(f'{owner}/{self.ordinal}', 5)}"

    @property
    def uid(self) -> str:
        return object_uid("Pod", self.workload.namespace, self.name)

    def container_id(self, program: Program) -> str:
        return _digits(f"{self.uid}/{program.name}", 64)


@dataclass(frozen=True)
class Port:
    name: str
    port: int
    target: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class Service:
    """A ClusterIP Service (dual-stack if `addresses` has two) over the pods of `workload`."""

    name: str
    workload: str
    addresses: tuple[str, ...]
    ports: tuple[Port, ...]
    namespace: str = "shop"

    @property
    def domain(self) -> str:
        return f"{self.name}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True)
class Host:
    """A machine outside the cluster; no agent watches it. `domains` are its names in DNS.

    Without programs it is switched off: what is sent to it gets lost, nobody answers or refuses.
    """

    name: str
    addresses: tuple[str, ...]
    domains: tuple[str, ...]
    programs: tuple[Program, ...]


@dataclass(frozen=True)
class Loss:
    """`percent` of the packets between the two workloads' pods, either way, get lost at random."""

    between: tuple[str, str]
    percent: int


@dataclass(frozen=True)
class Shop:
    nodes: tuple[Node, ...]
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    hosts: tuple[Host, ...]
    losses: tuple[Loss, ...]

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        free = {node.name: iter(range(20, 250)) for node in self.nodes}
        nodes = {node.name: node for node in self.nodes}
        return tuple(
            Pod(workload, ordinal, nodes[name], nodes[name].addresses_at(next(free[name])))
            for workload in self.workloads
            for ordinal, name in enumerate(workload.nodes)
        )

    @property
    def switched_off(self) -> list[str]:
        """Addresses of the hosts that are switched off."""
        return [address for host in self.hosts if not host.programs for address in host.addresses]

    def pods_of(self, workload: str) -> list[Pod]:
        return [pod for pod in self.pods if pod.workload.name == workload]


def object_uid(kind: str, namespace: str, name: str) -> str:
    """A Kubernetes uid that is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"flowatlas-demo/{kind}/{namespace}/{name}"))
