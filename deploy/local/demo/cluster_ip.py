"""nftables rules: ClusterIPs as kube-proxy makes them, and the faults of the story."""

from collections.abc import Iterator

from deploy.local.demo.model import Loss, Port, Service, Shop

_FAMILIES = ("ip", "ip6")


def service_rules(shop: Shop) -> str:
    """What each node loads: a connection to a ClusterIP goes to one of its backends at random."""
    rules = "\n    ".join(
        _rule(shop, service, port, index)
        for service in shop.services
        for port in service.ports
        for index in range(len(service.addresses))
    )
    return f"""table inet kube-proxy {{
  chain prerouting {{
    type nat hook prerouting priority dstnat
    {rules}
  }}
}}
"""


def fault_rules(shop: Shop) -> str:
    """What the VPC's router loads."""
    rules = "\n    ".join(rule for loss in shop.losses for rule in _loss_rules(shop, loss))
    return f"""table inet faults {{
  chain forward {{
    type filter hook forward priority filter
    {rules}
  }}
}}
"""


def _rule(shop: Shop, service: Service, port: Port, index: int) -> str:
    family = _FAMILIES[index]
    backends = [pod.addresses[index] for pod in shop.pods_of(service.workload)]
    choices = ", ".join(f"{number} : {address}" for number, address in enumerate(backends))
    chosen = f"numgen random mod {len(backends)} map {{ {choices} }}"
    return (
        f"{family} daddr {service.addresses[index]} {port.protocol.lower()} dport {port.port} "
        f"counter dnat {family} to {chosen} : {port.target}"
    )


def _loss_rules(shop: Shop, loss: Loss) -> Iterator[str]:
    for source, destination in (loss.between, loss.between[::-1]):
        for index, family in enumerate(_FAMILIES):
            yield (
                f"{family} saddr {_set(shop, source, index)} "
                f"{family} daddr {_set(shop, destination, index)} "
                f"numgen random mod 100 < {loss.percent} counter drop"
            )


def _set(shop: Shop, workload: str, index: int) -> str:
    return f"{{ {', '.join(pod.addresses[index] for pod in shop.pods_of(workload))} }}"
