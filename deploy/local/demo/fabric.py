"""Namespaces, links and routes: the wiring of the demo cluster, without an uplink.

Every link is a veth pair between a namespace and the one that routes for it, made inside them; the
machine's own namespace, with its interfaces, routes and rules, has no part in it. The far end of
the routes is the VPC's namespace, which has no default route.
"""

from itertools import chain

from deploy.local.demo.command import run
from deploy.local.demo.model import VPC
from deploy.local.demo.places import Place

_NODE_GATEWAY = {4: "169.254.1.1", 6: "fe80::1"}
"""A node's end of every link to a pod, as the Amazon VPC CNI has it."""

_VPC_GATEWAY = {4: "169.254.0.1", 6: "fe80::2"}
"""The VPC's end of every link; not the nodes', or they would take it for themselves."""

_LINK = "mtu 9001 gso_max_segs 1"
"""A VPC's jumbo frames, and no segmentation offload: a packet counted (or lost) is a packet."""


def build(places: list[Place], silent: list[str], prefix: str) -> None:
    """Make a namespace, named with the prefix, for the VPC and for each place, and join them.

    What is sent to a silent address is dropped without an answer.
    """
    names = [VPC, *(place.name for place in places)]
    _ip("".join(f"netns add {prefix}{name}\n" for name in names))
    _ip("".join(_veth(place, prefix, index) for index, place in enumerate(places)))
    for name in names:
        hung = [(i, place) for i, place in enumerate(places) if place.router == name]
        here = next((place for place in places if place.name == name), None)
        _configure(f"{prefix}{name}", here, hung, silent if name == VPC else [])


def remove(prefix: str) -> None:
    """Delete every namespace whose name begins with the prefix, and with it links and rules."""
    _ip("".join(f"netns del {name}\n" for name in names(prefix)))


def names(prefix: str) -> list[str]:
    found = (line.split()[0] for line in run("ip", "netns", "list").splitlines() if line)
    return [name for name in found if name.startswith(prefix)]


def _configure(
    namespace: str, here: Place | None, hung: list[tuple[int, Place]], silent: list[str]
) -> None:
    lines = [
        "link set lo up",
        *(_own_end(here) if here else ()),
        *chain.from_iterable(_routing_end(f"eni{i}", place, here) for i, place in hung),
        *(f"route add blackhole {address}" for address in silent),
    ]
    _ip("\n".join(lines), namespace)
    settings = list(here.sysctls) if here else []
    if hung:
        settings += [("net.ipv4.ip_forward", "1"), ("net.ipv6.conf.all.forwarding", "1")]
    for name, value in settings:
        run("tee", f"/proc/sys/{name.replace('.', '/')}", stdin=value, namespace=namespace)


def _veth(place: Place, prefix: str, index: int) -> str:
    own_end = f"eth0 {_LINK} netns {prefix}{place.name}"
    routing_end = f"eni{index} {_LINK} netns {prefix}{place.router}"
    return f"link add {own_end} type veth peer name {routing_end}\n"


def _own_end(place: Place) -> list[str]:
    lines = ["link set eth0 up"]
    for address in place.addresses:
        gateway = _gateway(place)[_family(address)]
        lines += [
            _address(address, "eth0"),
            f"route add {gateway} dev eth0 src {address}",
            f"route add default via {gateway} dev eth0 src {address}",
        ]
    return lines


def _routing_end(link: str, place: Place, router: Place | None) -> list[str]:
    own = {_family(address): f"src {address}" for address in (router.addresses if router else ())}
    via = {_family(address): address for address in place.addresses}
    return [
        f"link set {link} up",
        *(_address(gateway, link) for gateway in _gateway(place).values()),
        *(f"route add {to} dev {link} {own.get(_family(to), '')}" for to in place.addresses),
        *(f"route add {to} via {via[_family(to)]} dev {link}" for to in place.subnets),
    ]


def _gateway(place: Place) -> dict[int, str]:
    return _VPC_GATEWAY if place.router == VPC else _NODE_GATEWAY


def _address(address: str, link: str) -> str:
    at_once = "nodad" if _family(address) == 6 else ""
    return f"addr add {address} dev {link} {at_once}"


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def _ip(batch: str, namespace: str = "") -> None:
    if batch:
        run("ip", *(("-n", namespace) if namespace else ()), "-batch", "-", stdin=batch)
