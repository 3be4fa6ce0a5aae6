"""What is asked of the API: these lists and watches, for all namespaces at once, and nothing else.
deploy/kubernetes/inventory.yaml permits exactly that."""

from __future__ import annotations

import msgspec

from stream.watch import shapes
from stream.watch.shapes import Item

FULL = "application/json"
METADATA_ONLY = "application/json;as={};g=meta.k8s.io;v=v1"
"""https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-partial-metadata"""


class Resource:
    """A kind of objects and their path. Of those that are `shapes.Item` only metadata is asked."""

    def __init__(self, kind: str, group: str, name: str, shape: type[Item]) -> None:
        self.kind = kind
        self.group = group
        self.name = name
        self.decoder = msgspec.json.Decoder(shape)
        self.path = f"/apis/{group}/v1/{name}" if group else f"/api/v1/{name}"
        self._metadata_only = shape is Item

    def accept(self, listing: bool) -> str:
        if not self._metadata_only:
            return FULL
        return METADATA_ONLY.format(f"PartialObjectMetadata{'List' if listing else ''}")


REPLICA_SETS = Resource("ReplicaSet", "apps", "replicasets", Item)
JOBS = Resource("Job", "batch", "jobs", Item)
OWNERS = (REPLICA_SETS, JOBS)
"""The owners of pods that others own in turn; any other is what a user deployed."""

NODES = Resource("Node", "", "nodes", shapes.Node)
PODS = Resource("Pod", "", "pods", shapes.Pod)
SERVICES = Resource("Service", "", "services", shapes.Service)
SLICES = Resource("EndpointSlice", "discovery.k8s.io", "endpointslices", shapes.EndpointSlice)
NAMESPACES = Resource("Namespace", "", "namespaces", Item)

RESOURCES = (*OWNERS, NODES, PODS, SERVICES, SLICES, NAMESPACES)
