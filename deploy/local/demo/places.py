"""Where everything of a shop stands: the network namespaces, and the cgroups of what runs there.

Nodes and outside hosts hang on the VPC's router, pods on their node, as with the Amazon VPC CNI.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.local.demo.model import VPC, Host, Node, Pod, Program, Shop
from deploy.local.demo.programs import probe


@dataclass(frozen=True)
class Container:
    """A program and the cgroup that is its alone, relative to the demo cluster's."""

    cgroup: str
    program: Program


@dataclass(frozen=True)
class Place:
    """A network namespace: what it hangs on, its addresses, the subnets that it routes for."""

    name: str
    router: str
    addresses: tuple[str, ...]
    containers: tuple[Container, ...]
    subnets: tuple[str, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()


def places(shop: Shop) -> list[Place]:
    """Every namespace but the VPC router's own, each after the one that it hangs on."""
    return [
        *(_node(shop, node) for node in shop.nodes),
        *(_host(host) for host in shop.hosts if host.programs),
        *(_pod(pod) for pod in shop.pods),
    ]


def _node(shop: Shop, node: Node) -> Place:
    kubelet = Container(f"{node.name}/system.slice/kubelet.service", probe(_probed(shop, node)))
    return Place(
        name=node.name,
        router=VPC,
        addresses=node.addresses,
        subnets=(node.subnet, node.subnet6),
        containers=(kubelet,),
    )


def _probed(shop: Shop, node: Node) -> Iterator[str]:
    for pod in shop.pods:
        if pod.node == node:
            for program in pod.workload.programs:
                if program.name == "nginx":
                    yield f"{pod.addresses[0]}:{program.port}"


def _pod(pod: Pod) -> Place:
    return Place(
        name=pod.name,
        router=pod.node.name,
        addresses=pod.addresses,
        containers=tuple(
            Container(f"{pod.node.name}/kubepods/pod{pod.uid}/{pod.container_id(program)}", program)
            for program in pod.workload.programs
        ),
        sysctls=pod.workload.sysctls,
    )


def _host(host: Host) -> Place:
    return Place(
        name=host.name,
        router=VPC,
        addresses=host.addresses,
        containers=tuple(
            Container(f"outside/{host.name}/{program.name}", program) for program in host.programs
        ),
    )
