"""Kubernetes objects as the API sends them, as far as they are read: the rest, most of it
`managedFields`, is skipped in decoding and never takes memory."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field


class Shape(Struct, rename="camel", kw_only=True):
    """Go leaves empty fields out or writes null."""


class Owner(Shape):
    kind: str
    name: str
    uid: str = ""
    controller: bool | None = None


class Metadata(Shape):
    name: str
    uid: str
    namespace: str = ""
    creation_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class Item(Shape):
    """An object of any kind; all there is of PartialObjectMetadata."""

    metadata: Metadata


class Address(Shape):
    ip: str = ""


class PodSpec(Shape):
    node_name: str = ""
    host_network: bool | None = None


class Condition(Shape):
    type: str
    status: str = ""
    last_transition_time: datetime | None = None


class Terminated(Shape):
    finished_at: datetime | None = None


class ContainerState(Shape):
    terminated: Terminated | None = None


class ContainerStatus(Shape):
    state: ContainerState | None = None


class PodStatus(Shape):
    phase: str = ""
    start_time: datetime | None = None
    pod_ip: str = field(name="podIP", default="")
    pod_ips: list[Address] | None = field(name="podIPs", default=None)
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None


class Pod(Item):
    spec: PodSpec
    status: PodStatus = field(default_factory=PodStatus)


class NodeAddress(Shape):
    type: str
    address: str


class NodeStatus(Shape):
    addresses: list[NodeAddress] | None = None


class Node(Item):
    status: NodeStatus = field(default_factory=NodeStatus)


class ServicePort(Shape):
    port: int
    name: str | None = None
    protocol: str | None = None
    node_port: int | None = None


class ServiceSpec(Shape):
    cluster_ip: str = field(name="clusterIP", default="")
    cluster_ips: list[str] | None = field(name="clusterIPs", default=None)
    external_ips: list[str] | None = field(name="externalIPs", default=None)
    ports: list[ServicePort] | None = None
    traffic_distribution: str | None = None


class Ingress(Shape):
    ip: str | None = None
    hostname: str | None = None


class LoadBalancer(Shape):
    ingress: list[Ingress] | None = None


class ServiceStatus(Shape):
    load_balancer: LoadBalancer | None = None


class Service(Item):
    spec: ServiceSpec
    status: ServiceStatus | None = None


class Reference(Shape):
    kind: str = ""
    uid: str = ""


class EndpointConditions(Shape):
    ready: bool | None = None


class Endpoint(Shape):
    addresses: list[str]
    conditions: EndpointConditions | None = None
    target_ref: Reference | None = None
    node_name: str | None = None
    zone: str | None = None


class EndpointPort(Shape):
    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class EndpointSlice(Item):
    address_type: str
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None
