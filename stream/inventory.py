"""What the cluster consists of, and how to read it from Kubernetes objects as kubectl prints them.

Only what resolving an address needs is kept: nodes, running pods with their owners, and for each
Service the ways in (frontends) and what stands behind them (backends).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from agent.wire import Protocol
from stream.addresses import pack
from stream.errors import MalformedInventoryError

T = TypeVar("T")

ZONE = "topology.kubernetes.io/zone"
ZONE_ID = "topology.k8s.aws/zone-id"
REGION = "topology.kubernetes.io/region"
SERVICE_NAME = "kubernetes.io/service-name"
POD_TEMPLATE_HASH = "pod-template-hash"
STATIC_POD_UID = "kubernetes.io/config.mirror"
"""The kubelet runs a static pod under a uid of its own making; its mirror in the API carries it."""
NETWORK_READY = "PodReadyToStartContainers"
NETWORK_LEAD = 5_000_000_000
"""Nanoseconds that a pod's network may be up before the kubelet says so, in whole seconds."""
CRON_JOB_RUN = re.compile(r"-\d{8,10}$")
"""A CronJob names its Jobs after itself and the scheduled minute since 1970."""


@dataclass(frozen=True, slots=True)
class Node:
    """`since`, of everything: Unix ns, 0 not known."""

    name: str
    zone: str
    region: str
    addresses: tuple[bytes, ...]
    zone_id: str = ""
    uid: str = ""
    since: int = 0

    @property
    def key(self) -> str:
        return f"node/{self.uid or self.name}"


@dataclass(frozen=True, slots=True)
class Pod:
    """`addresses` is empty for a hostNetwork pod: those are its node's. `uid` is what the kubelet
    names the pod's cgroups after. It has its addresses from `since` to `until`, which is 0 while it
    lives."""

    namespace: str
    name: str
    workload: str
    workload_kind: str
    node: str
    addresses: tuple[bytes, ...]
    uid: str
    labels: tuple[tuple[str, str], ...] = ()
    since: int = 0
    until: int = 0

    @property
    def key(self) -> str:
        return self.uid or f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """`name` with its namespace before it."""

    name: str
    addresses: tuple[bytes, ...]
    since: int = 0

    @property
    def key(self) -> str:
        return f"service/{self.name}/{self.since}"


@dataclass(frozen=True, slots=True)
class Backend:
    """One ready endpoint of a Service port; `pod` is a pod's uid, or its name, and empty where no
    pod stands behind."""

    address: bytes
    port: int
    namespace: str
    pod: str


@dataclass(frozen=True, slots=True)
class Frontend:
    """One way into a Service: an address and port, or a port of every node (no address)."""

    address: bytes | None
    port: int
    protocol: int
    service: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True)
class Inventory:
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    frontends: tuple[Frontend, ...] = ()


def load(path: Path, labels: Sequence[str] = ()) -> Inventory:
    """`labels`: those of pods that are kept. Raises MalformedInventoryError, naming the object and
    the field at fault."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise MalformedInventoryError(path, str(error.strerror)) from error
    except ValueError as error:
        raise MalformedInventoryError(path, f"is not JSON ({error})") from error
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise MalformedInventoryError(path, "has no list `items`")
    objects = [Object(path, item) for item in document["items"]]
    services = [item for item in objects if item.kind == "Service"]
    slices = [item for item in objects if item.kind == "EndpointSlice"]
    pods = _pods(_of_kind(objects, "Pod"), labels)
    return Inventory(
        nodes=tuple(map(_node, _of_kind(objects, "Node"))),
        pods=tuple(pods),
        services=tuple(map(_service, services)),
        frontends=tuple(_frontends(services, _backends(slices))),
    )


class Object:
    """One Kubernetes object, read by dotted paths that appear in the errors."""

    def __init__(self, file: Path, value: Any) -> None:
        self._file = file
        self._value = value
        self.kind = value.get("kind", "") if isinstance(value, dict) else ""
        name = value.get("metadata", {}) if isinstance(value, dict) else {}
        names = [name.get("namespace"), name.get("name")] if isinstance(name, dict) else []
        self.label = (
            f"{self.kind or 'object'} {'/'.join(filter(None, map(_string, names)))}".strip()
        )

    def get(self, path: str, kind: type[T], default: T | None = None) -> T:
        """The value at the path; without a default it must be there."""
        value: Any = self._value
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is None and default is not None:
            return default
        if not isinstance(value, kind):
            problem = "is missing" if value is None else f"is not a {kind.__name__}: {value!r}"
            raise self.malformed(path, problem)
        return value

    def each(self, path: str) -> Iterator[Object]:
        """The objects of the list at the path, if there is one; errors still name this object."""
        for position, value in enumerate(self.get(path, list, [])):
            yield Part(self, f"{path}[{position}]", value)

    def labels(self) -> dict[str, Any]:
        return self.get("metadata.labels", dict, {})

    def address(self, path: str) -> bytes:
        return self.packed(path, self.get(path, str))

    def packed(self, path: str, text: Any) -> bytes:
        try:
            return pack(str(text))
        except ValueError as error:
            raise self.malformed(path, f"is not an IP address: {text!r}") from error

    def time(self, path: str) -> int:
        """Unix ns of the RFC 3339 time at the path; 0 if there is none."""
        if not (text := self.get(path, str, "")):
            return 0
        try:
            return round(datetime.fromisoformat(text).timestamp()) * 1_000_000_000
        except ValueError as error:
            raise self.malformed(path, f"is not a time: {text!r}") from error

    def protocol(self) -> int:
        """The IANA number; 0 for a protocol that no agent observes (SCTP)."""
        return int(Protocol.__members__.get(self.get("protocol", str, "TCP"), 0))

    def malformed(self, path: str, problem: str) -> MalformedInventoryError:
        return MalformedInventoryError(self._file, problem, self.label, path)


class Part(Object):
    """An element of a list inside an object."""

    def __init__(self, whole: Object, path: str, value: Any) -> None:
        super().__init__(whole._file, value)
        self._whole, self._path = whole, path

    def malformed(self, path: str, problem: str) -> MalformedInventoryError:
        return self._whole.malformed(f"{self._path}.{path}", problem)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _of_kind(objects: Iterable[Object], kind: str) -> Iterator[Object]:
    return (item for item in objects if item.kind == kind)


def _node(item: Object) -> Node:
    labels = item.labels()
    addresses = [
        entry.address("address")
        for entry in item.each("status.addresses")
        if entry.get("type", str) in {"InternalIP", "ExternalIP"}
    ]
    return Node(
        item.get("metadata.name", str),
        str(labels.get(ZONE, "")),
        str(labels.get(REGION, "")),
        tuple(addresses),
        str(labels.get(ZONE_ID, "")),
        item.get("metadata.uid", str, ""),
        item.time("metadata.creationTimestamp"),
    )


def _pods(items: Iterable[Object], labels: Sequence[str]) -> Iterator[Pod]:
    for item in items:
        # A finished pod keeps its address in status while another may have got it since.
        finished = item.get("status.phase", str, "") in {"Succeeded", "Failed"}
        until = _ended(item) if finished else 0
        if finished and not until:
            continue
        workload, workload_kind = _workload(item)
        own = item.labels()
        yield Pod(
            item.get("metadata.namespace", str),
            item.get("metadata.name", str),
            workload,
            workload_kind,
            item.get("spec.nodeName", str, ""),
            () if item.get("spec.hostNetwork", bool, False) else _pod_addresses(item),
            _uid(item),
            tuple((name, str(own[name])) for name in labels if name in own),
            _started(item),
            until,
        )


def _started(item: Object) -> int:
    """From when on the addresses are the pod's own: when it was accepted another may still have had
    them. Kubelets before 1.29 tell no better."""
    accepted = item.time("status.startTime") or item.time("metadata.creationTimestamp")
    for condition in item.each("status.conditions"):
        ready = condition.get("status", str, "") == "True"
        if ready and condition.get("type", str, "") == NETWORK_READY:
            return max(accepted, condition.time("lastTransitionTime") - NETWORK_LEAD)
    return accepted


def _ended(item: Object) -> int:
    """When the last container did; 0 where that is not told of all."""
    ends = [
        state.time("state.terminated.finishedAt") for state in item.each("status.containerStatuses")
    ]
    return max(ends) if ends and all(ends) else 0


def _uid(item: Object) -> str:
    annotations = item.get("metadata.annotations", dict, {})
    return str(annotations.get(STATIC_POD_UID) or item.get("metadata.uid", str, ""))


def _pod_addresses(item: Object) -> tuple[bytes, ...]:
    listed = tuple(entry.address("ip") for entry in item.each("status.podIPs"))
    if listed or not item.get("status.podIP", str, ""):
        return listed
    return (item.address("status.podIP"),)


def _workload(item: Object) -> tuple[str, str]:
    """What a user deployed. The owners' own owners are not listed, but their names tell them."""
    for owner in item.each("metadata.ownerReferences"):
        if not owner.get("controller", bool, False):
            continue
        kind, name = owner.get("kind", str), owner.get("name", str)
        if kind == "Node":
            return item.get("metadata.name", str).removesuffix(f"-{name}"), "StaticPod"
        template = item.labels().get(POD_TEMPLATE_HASH)
        if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
            return name.removesuffix(f"-{template}"), "Deployment"
        if kind == "Job" and CRON_JOB_RUN.search(name):
            return CRON_JOB_RUN.sub("", name), "CronJob"
        return name, kind
    return item.get("metadata.name", str), "Pod"


BackendsOf = dict[tuple[str, str, int], list[Backend]]
"""By "namespace/service", port name and protocol."""


def _backends(slices: Iterable[Object]) -> BackendsOf:
    found: BackendsOf = {}
    for item in slices:
        namespace = item.get("metadata.namespace", str)
        service = f"{namespace}/{item.labels().get(SERVICE_NAME, '')}"
        endpoints = [entry for entry in item.each("endpoints") if _ready(entry)]
        for port in item.each("ports"):
            key = service, port.get("name", str, ""), port.protocol()
            number = port.get("port", int, 0)
            found.setdefault(key, []).extend(
                Backend(entry.packed("addresses", address), number, namespace, _target_pod(entry))
                for entry in endpoints
                for address in entry.get("addresses", list)
            )
    return found


def _ready(endpoint: Object) -> bool:
    """Kubernetes: an unknown condition is to be taken as ready."""
    return endpoint.get("conditions.ready", bool, True)


def _target_pod(endpoint: Object) -> str:
    if endpoint.get("targetRef.kind", str, "") != "Pod":
        return ""
    return endpoint.get("targetRef.name", str)


def _frontends(services: Iterable[Object], backends: BackendsOf) -> Iterator[Frontend]:
    for item in services:
        name = f"{item.get('metadata.namespace', str)}/{item.get('metadata.name', str)}"
        addresses = _service_addresses(item)
        for port in item.each("spec.ports"):
            protocol = port.protocol()
            behind = tuple(backends.get((name, port.get("name", str, ""), protocol), ()))
            for address in addresses:
                yield Frontend(address, port.get("port", int), protocol, name, behind)
            if node_port := port.get("nodePort", int, 0):
                yield Frontend(None, node_port, protocol, name, behind)


def _service(item: Object) -> Service:
    return Service(
        f"{item.get('metadata.namespace', str)}/{item.get('metadata.name', str)}",
        tuple(dict.fromkeys(_service_addresses(item))),
        item.time("metadata.creationTimestamp"),
    )


def _service_addresses(item: Object) -> list[bytes]:
    single = item.get("spec.clusterIP", str, "")
    cluster = item.get("spec.clusterIPs", list, [single])
    texts = [("spec.clusterIPs", text) for text in cluster if text not in {"", "None"}]
    texts += [("spec.externalIPs", text) for text in item.get("spec.externalIPs", list, [])]
    packed = [item.packed(path, text) for path, text in texts]
    ingress = item.each("status.loadBalancer.ingress")
    return packed + [entry.address("ip") for entry in ingress if entry.get("ip", str, "")]
