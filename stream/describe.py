"""What is known of an end, as an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stream.endpoints import Endpoint
from stream.evidence import WORDS, Method, usual
from stream.inventory import Node, Pod, Service
from stream.prefixes import Class


def of_pod(address: bytes, pod: Pod, node: Node | None, method: Method) -> Endpoint:
    return Endpoint(
        address,
        "pod",
        pod.namespace,
        pod.workload,
        pod.workload_kind,
        pod.name,
        pod.node,
        node.zone if node else "",
        node.region if node else "",
        method=method,
        zone_id=node.zone_id if node else "",
        confidence=usual(method),
        labels=pod.labels,
        host=node.addresses[0] if node and node.addresses else b"",
    )


def of_node(address: bytes, node: Node) -> Endpoint:
    """A node stands for all on its own network, so at workload grain it goes by its own name."""
    return Endpoint(
        address,
        "node",
        workload=node.name,
        workload_kind="Node",
        node=node.name,
        zone=node.zone,
        region=node.region,
        method=Method.HOST_IP,
        zone_id=node.zone_id,
        confidence=usual(Method.HOST_IP),
    )


def of_service(address: bytes, service: Service) -> Endpoint:
    method = Method.CLUSTER_IP
    return Endpoint(
        address, "service", service=service.name, method=method, confidence=usual(method)
    )


def of_class(address: bytes, found: Class) -> Endpoint:
    return Endpoint(
        address,
        found.kind,
        region=found.region,
        service=found.service,
        method=found.method,
        confidence=WORDS[found.confidence],
    )


def of_candidates(address: bytes, service: str, candidates: Sequence[Endpoint]) -> Endpoint:
    """A frontend of the Service, behind which any of these may have served: so only what all of
    them share is said."""
    endpoint = Endpoint(address, "service", service.split("/", maxsplit=1)[0])
    if len({(end.kind, end.namespace, end.workload) for end in candidates}) == 1:
        first = candidates[0]
        if first.workload:
            fields = zip(Endpoint._fields, zip(*candidates, strict=True), strict=True)
            different: dict[str, Any] = {
                name: Endpoint._field_defaults.get(name)
                for name, values in fields
                if len(set(values)) > 1
            }
            endpoint = first._replace(**different | {"address": address})
    method = Method.CLUSTER_IP
    return endpoint._replace(service=service, method=method, confidence=usual(method))
