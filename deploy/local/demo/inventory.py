"""The shop as the Kubernetes API would show it.

The objects are those, and of those the fields, that `kubectl get nodes,pods,services,endpointslices
-A -o json` prints and that a reader of the cluster's network can use.
"""

from typing import Any

from deploy.local.demo.model import Node, Pod, Port, Program, Service, Shop, object_uid
from deploy.local.demo.shop import REGION

Object = dict[str, Any]

_CREATED = "2026-01-05T08:00:00Z"
_IMAGES = {"redis": "redis:7.0", "dnsmasq": "dnsmasq:2.90", "nginx": "nginx:1.22"}
_FAMILIES = ("IPv4", "IPv6")


def inventory(shop: Shop) -> Object:
    """The `List` of all objects, the same in every run."""
    items = [
        *(_node(node) for node in shop.nodes),
        *(_pod(pod) for pod in shop.pods),
        *(_service(service) for service in shop.services),
        *(
            _endpoint_slice(shop, service, family)
            for service in shop.services
            for family in range(len(service.addresses))
        ),
    ]
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}


def _metadata(kind: str, namespace: str, name: str, **more: Any) -> Object:
    place = {"namespace": namespace} if namespace else {}
    uid = object_uid(kind, namespace, name)
    return {"creationTimestamp": _CREATED, **more, "name": name, **place, "uid": uid}


def _node(node: Node) -> Object:
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m5.large",
        "topology.k8s.aws/zone-id": node.zone_id,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": node.zone,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _metadata("Node", "", node.name, labels=labels),
        "spec": {"providerID": f"aws:///{node.zone}/{node.instance_id}"},
        "status": {
            "addresses": [
                *({"address": address, "type": "InternalIP"} for address in node.addresses),
                {"address": node.name, "type": "Hostname"},
            ],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        },
    }


def _pod(pod: Pod) -> Object:
    workload = pod.workload
    owner_kind, owner_name = workload.controller
    owner = {
        "apiVersion": "batch/v1" if owner_kind == "Job" else "apps/v1",
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": owner_kind,
        "name": owner_name,
        "uid": object_uid(owner_kind, workload.namespace, owner_name),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(
            "Pod", workload.namespace, pod.name, labels=_labels(pod), ownerReferences=[owner]
        ),
        "spec": {
            "containers": [_container(program) for program in workload.programs],
            "nodeName": pod.node.name,
            "securityContext": {
                "sysctls": [{"name": name, "value": value} for name, value in workload.sysctls]
            },
        },
        "status": {
            "containerStatuses": [_container_status(pod, program) for program in workload.programs],
            "hostIP": pod.node.addresses[0],
            "hostIPs": [{"ip": address} for address in pod.node.addresses],
            "phase": "Running",
            "podIP": pod.addresses[0],
            "podIPs": [{"ip": address} for address in pod.addresses],
            "startTime": _CREATED,
        },
    }


def _labels(pod: Pod) -> dict[str, str]:
    workload = pod.workload
    of_kind = {
        "Deployment": {"pod-template-hash": workload.template_hash},
        "StatefulSet": {"statefulset.kubernetes.io/pod-name": pod.name},
        "Job": {"batch.kubernetes.io/job-name": workload.name},
    }
    return {"app.kubernetes.io/name": workload.name, **of_kind[workload.kind]}


def _container(program: Program) -> Object:
    ports = [] if program.port is None else [{"containerPort": program.port, "protocol": "TCP"}]
    return {"image": _image(program), "name": program.name, "ports": ports}


def _container_status(pod: Pod, program: Program) -> Object:
    return {
        "containerID": f"containerd://{pod.container_id(program)}",
        "image": _image(program),
        "name": program.name,
        "ready": True,
        "restartCount": 0,
        "started": True,
        "state": {"running": {"startedAt": _CREATED}},
    }


def _image(program: Program) -> str:
    return _IMAGES.get(program.name, "debian:bookworm")


def _service(service: Service) -> Object:
    families = list(_FAMILIES[: len(service.addresses)])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata("Service", service.namespace, service.name),
        "spec": {
            "clusterIP": service.addresses[0],
            "clusterIPs": list(service.addresses),
            "ipFamilies": families,
            "ipFamilyPolicy": "SingleStack" if len(families) == 1 else "RequireDualStack",
            "ports": [
                {"name": p.name, "port": p.port, "protocol": p.protocol, "targetPort": p.target}
                for p in service.ports
            ],
            "selector": {"app.kubernetes.io/name": service.workload},
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    }


def _endpoint_slice(shop: Shop, service: Service, family: int) -> Object:
    owner = {
        "apiVersion": "v1",
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": "Service",
        "name": service.name,
        "uid": object_uid("Service", service.namespace, service.name),
    }
    name = f"{service.name}-{_FAMILIES[family].lower()}"
    return {
        "addressType": _FAMILIES[family],
        "apiVersion": "discovery.k8s.io/v1",
        "endpoints": [_endpoint(pod, family) for pod in shop.pods_of(service.workload)],
        "kind": "EndpointSlice",
        "metadata": _metadata(
            "EndpointSlice",
            service.namespace,
            name,
            labels={
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                "kubernetes.io/service-name": service.name,
            },
            ownerReferences=[owner],
        ),
        "ports": [_endpoint_port(port) for port in service.ports],
    }


def _endpoint(pod: Pod, family: int) -> Object:
    return {
        "addresses": [pod.addresses[family]],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": pod.node.name,
        "targetRef": {
            "kind": "Pod",
            "name": pod.name,
            "namespace": pod.workload.namespace,
            "uid": pod.uid,
        },
        "zone": pod.node.zone,
    }


def _endpoint_port(port: Port) -> Object:
    return {"name": port.name, "port": port.target, "protocol": port.protocol}
