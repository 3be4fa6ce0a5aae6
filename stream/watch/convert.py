"""Kubernetes objects to records: what resolving an address takes, so that a change of anything else
changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address

from stream import records
from stream.watch import shapes
from stream.watch.shapes import Item, Metadata
from stream.watch.workload import Workload

ZONE = "topology.kubernetes.io/zone"
ZONE_ID = "topology.k8s.aws/zone-id"
REGION = "topology.kubernetes.io/region"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
SERVICE_NAME = "kubernetes.io/service-name"
STATIC_POD_UID = "kubernetes.io/config.mirror"
"""The kubelet runs a static pod under a uid of its own making; its mirror in the API carries it."""
FINISHED = {"Succeeded", "Failed"}
NETWORK_READY = "PodReadyToStartContainers"
NETWORK_LEAD = 5_000
"""Milliseconds that a pod's network may be up before the kubelet says so, in whole seconds."""


class MisfitError(ValueError):
    """An object is not as Kubernetes says; names the field."""


class Converter:
    """`labels`: those that records carry; `now`: Unix ms, for ends that no object tells."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._labels = frozenset(labels)

    def node(self, item: shapes.Node) -> records.Node:
        metadata, labels = item.metadata, item.metadata.labels or {}
        found = [
            address.address
            for address in item.status.addresses or ()
            if address.type in {"InternalIP", "ExternalIP"}
        ]
        return records.Node(
            uid=metadata.uid,
            name=metadata.name,
            addresses=_addresses("status.addresses", found),
            zone=labels.get(ZONE, ""),
            zone_id=labels.get(ZONE_ID, ""),
            region=labels.get(REGION, ""),
            instance_type=labels.get(INSTANCE_TYPE, ""),
            labels=self._chosen(metadata),
            created=_ms(metadata.creation_timestamp),
        )

    def pod(self, item: shapes.Pod, workload: Workload, now: int) -> records.Pod | None:
        """None before a node is chosen: until then no kubelet runs it."""
        metadata, spec, status = item.metadata, item.spec, item.status
        if not spec.node_name:
            return None
        listed = [address.ip for address in status.pod_ips or ()] or [status.pod_ip]
        addresses: tuple[str, ...] = ()
        if not spec.host_network:
            addresses = _addresses("status.podIPs", filter(None, listed))
        return records.Pod(
            uid=uid_of(item),
            namespace=metadata.namespace,
            name=metadata.name,
            node=spec.node_name,
            workload=workload.name,
            workload_kind=workload.kind,
            addresses=addresses,
            host_network=bool(spec.host_network),
            labels=self._chosen(metadata),
            created=_ms(metadata.creation_timestamp),
            started=_started(status) if addresses else 0,
            ended=finished(status, now) if status.phase in FINISHED else 0,
        )

    def service(self, item: shapes.Service) -> records.Service:
        metadata, spec = item.metadata, item.spec
        cluster = spec.cluster_ips if spec.cluster_ips is not None else [spec.cluster_ip]
        balancer = item.status and item.status.load_balancer
        ingress = (balancer and balancer.ingress) or ()
        return records.Service(
            uid=metadata.uid,
            namespace=metadata.namespace,
            name=metadata.name,
            cluster_addresses=_addresses(
                "spec.clusterIPs", (text for text in cluster if text not in {"", "None"})
            ),
            external_addresses=_addresses("spec.externalIPs", spec.external_ips or ()),
            balancer_addresses=_addresses(
                "status.loadBalancer.ingress", (entry.ip for entry in ingress if entry.ip)
            ),
            balancer_names=tuple(entry.hostname for entry in ingress if entry.hostname),
            ports=tuple(
                records.ServicePort(
                    port.port, port.name or "", port.protocol or "TCP", port.node_port or 0
                )
                for port in spec.ports or ()
            ),
            traffic_distribution=spec.traffic_distribution or "",
            labels=self._chosen(metadata),
            created=_ms(metadata.creation_timestamp),
        )

    def slice(self, item: shapes.EndpointSlice) -> records.Slice | None:
        """None for addresses that are names, and for slices of no Service."""
        metadata = item.metadata
        service = (metadata.labels or {}).get(SERVICE_NAME, "")
        if not service or item.address_type == "FQDN":
            return None
        return records.Slice(
            uid=metadata.uid,
            namespace=metadata.namespace,
            name=metadata.name,
            service=service,
            endpoints=tuple(
                sorted(map(_endpoint, item.endpoints or ()), key=lambda end: end.addresses)
            ),
            ports=tuple(
                records.SlicePort(port.port or 0, port.name or "", port.protocol or "TCP")
                for port in item.ports or ()
            ),
            created=_ms(metadata.creation_timestamp),
        )

    def namespace(self, item: Item) -> records.Namespace:
        metadata = item.metadata
        return records.Namespace(
            uid=metadata.uid,
            name=metadata.name,
            labels=self._chosen(metadata),
            created=_ms(metadata.creation_timestamp),
        )

    def _chosen(self, metadata: Metadata) -> dict[str, str]:
        return {k: v for k, v in (metadata.labels or {}).items() if k in self._labels}


def uid_of(pod: Item) -> str:
    return (pod.metadata.annotations or {}).get(STATIC_POD_UID) or pod.metadata.uid


def finished(status: shapes.PodStatus, now: int) -> int:
    """When the last container ended; `now` where one has not, or none tells."""
    states = [container.state for container in status.container_statuses or ()]
    ends = [
        _ms(state.terminated.finished_at) if state and state.terminated else 0 for state in states
    ]
    return min(max(ends), now) if ends and all(ends) else now


def _endpoint(entry: shapes.Endpoint) -> records.Endpoint:
    """Kubernetes: an unknown condition is to be taken as ready."""
    target = entry.target_ref
    return records.Endpoint(
        _addresses("endpoints.addresses", entry.addresses),
        target.uid if target and target.kind == "Pod" else "",
        entry.node_name or "",
        entry.zone or "",
        entry.conditions is None or entry.conditions.ready is not False,
    )


def _started(status: shapes.PodStatus) -> int:
    """From when on the addresses are the pod's own. When the kubelet accepted it, another pod may
    have had them still; a kubelet before 1.29 tells no better."""
    accepted = _ms(status.start_time)
    for condition in status.conditions or ():
        if condition.type == NETWORK_READY and condition.status == "True":
            return max(accepted, _ms(condition.last_transition_time) - NETWORK_LEAD)
    return accepted


def _addresses(path: str, texts: Iterable[str]) -> tuple[str, ...]:
    found = tuple(texts)
    for text in found:
        try:
            ip_address(text)
        except ValueError as error:
            raise MisfitError(f"field {path} is not an IP address: {text!r}") from error
    return found


def _ms(moment: datetime | None) -> int:
    return round(moment.timestamp() * 1000) if moment else 0
