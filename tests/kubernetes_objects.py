"""Kubernetes objects of the shapes that a real API server sends, bulk included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

CREATED = "2026-01-01T00:00:00Z"
ENVIRONMENT = [{"name": f"VARIABLE_{n}", "value": "value of some length"} for n in range(30)]
FIELDS: Object = {
    f'k:{{"type":"{name}"}}': {".": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}
    for name in (*("ContainersReady", "Initialized", "Ready"), *map("Gate{}".format, range(17)))
}
MANAGED = [
    {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": CREATED,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}}}, "f:status": {"f:conditions": FIELDS}},
    }
    for manager in ("kube-controller-manager", "kubelet", "aws-node")
]


def metadata(name: str, namespace: str = "", uid: str = "", **extra: Any) -> Object:
    found = {"name": name, "uid": uid or f"uid-{namespace}-{name}", "creationTimestamp": CREATED}
    if namespace:
        found["namespace"] = namespace
    return found | {"managedFields": MANAGED} | extra


def owned(kind: str, name: str, uid: str) -> list[Object]:
    return [
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "name": name,
            "uid": uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def node(name: str, address: str, zone: str = "us-east-1a", **extra: Any) -> Object:
    labels = {
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": "m5.xlarge",
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": zone,
        "topology.k8s.aws/zone-id": f"use1-az{'abcdef'.index(zone[-1]) + 1}",
    }
    addresses = [
        {"type": "InternalIP", "address": address},
        {"type": "Hostname", "address": name},
    ]
    images = [{"names": [f"registry.example/image-{n}:v1"], "sizeBytes": n} for n in range(20)]
    return {
        "metadata": metadata(name, labels=labels, **extra),
        "spec": {"providerID": f"aws:///{zone}/{name}"},
        "status": {"addresses": addresses, "images": images, "conditions": heartbeat(0)},
    }


def heartbeat(minute: int) -> list[Object]:
    return [
        {"type": kind, "status": "False", "lastHeartbeatTime": f"2026-01-01T00:{minute:02}:00Z"}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]


def pod(name: str, on: str = "", address: str = "", **extra: Any) -> Object:
    """`owner`: kind, name and uid; `host_network`, `phase`, `ready` and `metadata` as named."""
    host_network = extra.get("host_network", False)
    owner = extra.get("owner")
    namespace = extra.get("namespace", "shop")
    container = {
        "name": "main",
        "image": "registry.example/main:v1",
        "env": ENVIRONMENT,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/token"}],
    }
    spec: Object = {"containers": [container], "tolerations": [{"operator": "Exists"}]}
    if on:
        spec["nodeName"] = on
    if host_network:
        spec["hostNetwork"] = True
    ready = str(extra.get("ready", True))
    status: Object = {
        "phase": extra.get("phase", "Running" if address else "Pending"),
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": CREATED}],
    }
    if on:
        status["startTime"] = "2026-01-01T00:00:01Z"
    if address:
        status |= {"hostIP": "192.168.0.1", "podIP": address, "podIPs": [{"ip": address}]}
        status["conditions"].append(
            {
                "type": "PodReadyToStartContainers",
                "status": "True",
                "lastTransitionTime": "2026-01-01T00:00:09Z",
            }
        )
    if ended := extra.get("ended"):
        finished = {"terminated": {"exitCode": 0, "startedAt": CREATED, "finishedAt": ended}}
        status["containerStatuses"] = [{"name": "main", "state": finished}]
    labels = {"app.kubernetes.io/name": "main", "noise": "of no use"} | extra.get("labels", {})
    described = metadata(name, namespace, extra.get("uid", ""), labels=labels)
    if owner:
        described["ownerReferences"] = owned(*owner)
    return {"metadata": described | extra.get("metadata", {}), "spec": spec, "status": status}


def replica_set(name: str, owner: tuple[str, str, str] | None = None, **extra: Any) -> Object:
    """Also for Jobs: only metadata is asked for."""
    described = metadata(name, extra.get("namespace", "shop"), extra.get("uid", ""))
    if owner:
        described["ownerReferences"] = owned(*owner)
    return {"metadata": described, "spec": {"template": {"spec": "long"}}, "status": {}}


def service(name: str, address: str, port: int = 80, **extra: Any) -> Object:
    entry = {"name": "main", "port": port, "protocol": "TCP", "targetPort": 8080}
    if node_port := extra.get("node_port"):
        entry["nodePort"] = node_port
    return {
        "metadata": metadata(name, extra.get("namespace", "shop")),
        "spec": {"clusterIP": address, "clusterIPs": [address], "ports": [entry]}
        | extra.get("spec", {}),
        "status": {"loadBalancer": extra.get("load_balancer", {})},
    }


def endpoint_slice(name: str, of: str, endpoints: list[Object], **extra: Any) -> Object:
    labels = {"kubernetes.io/service-name": of}
    return {
        "metadata": metadata(name, extra.get("namespace", "shop"), labels=labels),
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "main", "port": 8080, "protocol": "TCP"}],
    }


def endpoint(address: str, uid: str = "", on: str = "", ready: bool = True) -> Object:
    found: Object = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": on,
        "zone": "us-east-1a",
    }
    if uid:
        found["targetRef"] = {"kind": "Pod", "name": uid, "namespace": "shop", "uid": uid}
    return found


def namespace(name: str, **labels: str) -> Object:
    return {"metadata": metadata(name, labels=labels), "spec": {}, "status": {"phase": "Active"}}


def cluster(nodes: int, pods: int) -> Iterator[tuple[str, Object]]:
    """Resource and object; 20 pods a Deployment, each with a Service."""
    names = [f"ip-10-0-{n >> 8}-{n & 255}.ec2.internal" for n in range(nodes)]
    for n, name in enumerate(names):
        yield "nodes", node(name, f"10.0.{n >> 8}.{n & 255}", f"us-east-1{'abc'[n % 3]}")
    for n in range(max(1, pods // 2000)):
        yield "namespaces", namespace(f"team-{n:03}")
    for first in range(0, pods, 20):
        app, space = f"app-{first // 20:05}", f"team-{first // 2000:03}"
        owner = ("Deployment", app, f"deployment-{app}")
        uid = f"{first:08x}-1111-4222-8333-444444444444"
        set_name = f"{app}-6d4cf56db6"
        yield "replicasets", replica_set(set_name, owner, namespace=space, uid=uid)
        yield "services", service(app, f"172.20.{first // 20 >> 8}.{first // 20 & 255}")
        ends = []
        for n in range(first, min(first + 20, pods)):
            address = f"10.{64 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
            identity = f"{n:08x}-aaaa-4bbb-8ccc-dddddddddddd"
            on = names[n % nodes]
            yield (
                "pods",
                pod(
                    *(f"{set_name}-{n:05x}", on, address),
                    namespace=space,
                    uid=identity,
                    owner=("ReplicaSet", set_name, uid),
                    labels={"pod-template-hash": "6d4cf56db6"},
                ),
            )
            ends.append(endpoint(address, identity, on))
        yield "endpointslices", endpoint_slice(f"{app}-x7k2p", app, ends, namespace=space)
