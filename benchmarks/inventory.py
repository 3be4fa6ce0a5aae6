"""The made-up cluster as `kubectl get nodes,pods,services,endpointslices -A -o json` prints it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import DNS, ZONES, Cluster, identity, text

Object = dict[str, Any]
HASH = "6d4cf56db6"


def write(cluster: Cluster, path: Path, hours: float = 0.0) -> None:
    """Every pod that lives at some time of the first `hours`, not only those of one instant: the
    stream resolves by the file that it has, and the rows of all that time are to be resolved."""
    items = [*_nodes(cluster), *_pods(cluster, hours), *_services(cluster)]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def _nodes(cluster: Cluster) -> Iterator[Object]:
    for node in range(cluster.nodes):
        labels = {
            "topology.kubernetes.io/region": "us-east-1",
            "topology.kubernetes.io/zone": ZONES[node % len(ZONES)],
        }
        address = {"address": f"192.168.{node >> 8}.{node & 255}", "type": "InternalIP"}
        yield {
            "kind": "Node",
            "metadata": {"name": cluster.node_name(node), "labels": labels},
            "status": {"addresses": [address]},
        }


def _pods(cluster: Cluster, hours: float) -> Iterator[Object]:
    last = cluster.generation(hours)
    pods = np.repeat(np.arange(len(last)), last + 1)
    generations = np.concatenate([np.arange(1 + count) for count in last])
    addresses = cluster.pod_addresses(pods, generations)
    for pod, generation, address in zip(
        pods.tolist(), generations.tolist(), addresses, strict=True
    ):
        workload = int(cluster.workload_of[pod])
        owner = {"controller": True, "kind": "ReplicaSet", "name": f"{_name(workload)}-{HASH}"}
        yield {
            "kind": "Pod",
            "metadata": {
                "name": _pod_name(workload, pod, generation),
                "namespace": _namespace(workload),
                "uid": identity(pod, generation)[0],
                "creationTimestamp": f"2026-01-{1 + generation % 28:02}T00:00:00Z",
                "labels": {"pod-template-hash": HASH},
                "ownerReferences": [owner],
            },
            "spec": {"nodeName": cluster.node_name(int(cluster.node_of[pod]))},
            "status": {"phase": "Running", "podIP": text(address)},
        }


def _services(cluster: Cluster) -> Iterator[Object]:
    order, starts = cluster.by_place
    fronts = cluster.service_addresses(np.arange(cluster.workloads))
    for workload in range(cluster.workloads):
        metadata = {"name": _name(workload), "namespace": _namespace(workload)}
        protocol = "UDP" if workload == DNS else "TCP"
        port = {"name": "main", "port": int(cluster.port_of[workload]), "protocol": protocol}
        front = text(fronts[workload])
        yield {
            "kind": "Service",
            "metadata": metadata,
            "spec": {"clusterIP": front, "clusterIPs": [front], "ports": [port]},
        }
        pods = order[starts[workload * len(ZONES)] : starts[(workload + 1) * len(ZONES)]]
        addresses = cluster.pod_addresses(pods, np.zeros_like(pods))
        yield {
            "kind": "EndpointSlice",
            "metadata": metadata | {"labels": {"kubernetes.io/service-name": _name(workload)}},
            "ports": [port],
            "endpoints": [
                {
                    "addresses": [text(address)],
                    "conditions": {"ready": True},
                    "targetRef": {
                        "kind": "Pod",
                        "name": _pod_name(workload, pod, 0),
                        "namespace": _namespace(workload),
                    },
                }
                for pod, address in zip(pods.tolist(), addresses, strict=True)
            ],
        }


def _name(workload: int) -> str:
    return "kube-dns" if workload == DNS else f"service-{workload:05}"


def _namespace(workload: int) -> str:
    return "kube-system" if workload == DNS else f"team-{workload % 40:02}"


def _pod_name(workload: int, pod: int, generation: int) -> str:
    return f"{_name(workload)}-{HASH}-{pod:05x}{generation:x}"
