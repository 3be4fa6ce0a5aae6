"""What topic `inventory` says: one record an object of the cluster, under a key of its own.

A key is "<kind>/<uid>", so that an object that took another's name does not take its past. Values
are JSON without the fields that have their defaults. Times are Unix milliseconds, 0 where not
known; `ended` stays 0 while the object is there. Addresses are text.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

Moment = Annotated[int, Meta(ge=0, lt=1 << 42)]
"""Unix ms, before 2109: in nanoseconds it has room in 64 bits."""
Port = Annotated[int, Meta(ge=0, lt=1 << 16)]


class Pod(Struct, omit_defaults=True, kw_only=True, gc=False):
    """`uid` is what the kubelet names the pod's cgroups after. `addresses` are the pod's own: a
    pod on its host's network has none. They are its own from `started` on."""

    uid: str
    namespace: str
    name: str
    node: str
    workload: str
    workload_kind: str
    addresses: tuple[str, ...] = ()
    host_network: bool = False
    labels: dict[str, str] = {}
    created: Moment = 0
    started: Moment = 0
    ended: Moment = 0


class Node(Struct, omit_defaults=True, kw_only=True, gc=False):
    """`zone` is a name, which means another place in each AWS account; `zone_id` means one."""

    uid: str
    name: str
    addresses: tuple[str, ...] = ()
    zone: str = ""
    zone_id: str = ""
    region: str = ""
    instance_type: str = ""
    labels: dict[str, str] = {}
    created: Moment = 0
    ended: Moment = 0


class ServicePort(Struct, omit_defaults=True, frozen=True, gc=False):
    port: Port
    name: str = ""
    protocol: str = "TCP"
    node_port: Port = 0


class Service(Struct, omit_defaults=True, kw_only=True, gc=False):
    uid: str
    namespace: str
    name: str
    cluster_addresses: tuple[str, ...] = ()
    external_addresses: tuple[str, ...] = ()
    balancer_addresses: tuple[str, ...] = ()
    balancer_names: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    traffic_distribution: str = ""
    labels: dict[str, str] = {}
    created: Moment = 0
    ended: Moment = 0


class Endpoint(Struct, omit_defaults=True, frozen=True, gc=False):
    """`pod` is a uid, "" where no pod stands behind."""

    addresses: tuple[str, ...]
    pod: str = ""
    node: str = ""
    zone: str = ""
    ready: bool = True


class SlicePort(Struct, omit_defaults=True, frozen=True, gc=False):
    """Port 0 stands for all ports."""

    port: Port = 0
    name: str = ""
    protocol: str = "TCP"


class Slice(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A part of what stands behind a Service. `service` is a name in `namespace`."""

    uid: str
    namespace: str
    name: str
    service: str
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[SlicePort, ...] = ()
    created: Moment = 0
    ended: Moment = 0


class Namespace(Struct, omit_defaults=True, kw_only=True, gc=False):
    uid: str
    name: str
    labels: dict[str, str] = {}
    created: Moment = 0
    ended: Moment = 0


class Watch(Struct, kw_only=True):
    """The topic held everything that had happened in the cluster by `current`."""

    current: Moment


class Network(Struct):
    """The account's network: the document of `flowatlas network`, as it is."""

    document: bytes


Object = Pod | Node | Service | Slice | Namespace
Record = Object | Watch | Network

KINDS: dict[type[Any], str] = {
    Pod: "pod",
    Node: "node",
    Service: "service",
    Slice: "slice",
    Namespace: "namespace",
}
WATCH_KEY = "watch/current"
NETWORK_KEY = "network/account"

_TYPES: dict[str, type[Object | Watch]] = {name: kind for kind, name in KINDS.items()}
_TYPES["watch"] = Watch
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in _TYPES.items()}
encode = msgspec.json.Encoder(order="deterministic").encode
"""Equal records are equal bytes."""


class MalformedRecordError(ValueError):
    """Names key and field."""


def key_of(record: Object) -> str:
    return f"{KINDS[type(record)]}/{record.uid}"


def decode(key: str, value: bytes) -> Record | None:
    """None for kinds that a later version writes. Raises MalformedRecordError."""
    kind = key.partition("/")[0]
    if kind == "network":
        return Network(value)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return None
    try:
        record = decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRecordError(f"{key}: {error}") from error
    if not isinstance(record, Watch) and key != key_of(record):
        raise MalformedRecordError(f"{key}: `$.uid` is of another key: {record.uid!r}")
    return record
