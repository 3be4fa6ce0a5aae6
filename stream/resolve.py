"""Addresses to endpoints: once per unique address of a batch, then integer gathers per row.

The order of trust: the pod whose cgroup the reporting socket is in, the backend that conntrack says
was chosen, a Service's frontend, a running pod, a node, then the prefixes of `classify`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent.wire import Batch, Reporter
from stream.classify import Class, Classifier
from stream.endpoints import Endpoint, Endpoints
from stream.inventory import Backend, Frontend, Inventory, Node, Pod

LOCAL = -1
NO_BACKEND = (-1, 0)
MAX_ENDPOINTS = 1_000_000
"""The public internet is larger than memory: beyond this, what was learnt is forgotten."""

IDENTITY = slice(1, 9)
"""The fields of an endpoint between its address and how it was found."""

FrontendKey = tuple[bytes | None, int, int]


class Ends(NamedTuple):
    """Endpoint ids of both ends of each row, and the port after Service resolution."""

    client: np.ndarray
    server: np.ndarray
    server_port: np.ndarray


class Resolver:
    """Resolves by one version of the inventory; a new version takes a new resolver."""

    def __init__(self, inventory: Inventory, classifier: Classifier) -> None:
        self._inventory = inventory
        self._classifier = classifier
        self._pods = _by_address(inventory.pods.values())
        self._nodes = {a: node for node in inventory.nodes.values() for a in node.addresses}
        self._frontends: dict[FrontendKey, Frontend] = {
            (front.address, front.port, front.protocol): front for front in inventory.frontends
        }
        self._virtual = {front.address: front for front in inventory.frontends if front.address}
        self._by_uid = {pod.uid: pod for pod in inventory.pods.values() if pod.uid}
        self.forget()

    def forget(self) -> None:
        """Start with an empty table: all ids given out so far become void."""
        self.endpoints = Endpoints()
        self._ids: dict[bytes, int] = {}
        self._loopbacks: dict[tuple[bytes, str], int] = {}
        self._backends: dict[tuple[bytes, int, int], tuple[int, int]] = {}
        self._fronts: dict[int, Frontend] = {}
        self._translations: dict[tuple[int, bytes, str], int] = {}
        self._reporters: dict[tuple[str, bytes], int] = {}

    def forget_if_full(self) -> None:
        if len(self.endpoints) > MAX_ENDPOINTS:
            self.forget()

    def resolve(self, batch: Batch) -> Ends:
        rows, node = batch.rows, batch.origin.node
        client = self._column(rows["client_address"], node)
        server = self._column(rows["server_address"], node)
        ends = Ends(client, server, rows["server_port"].to_numpy().copy())
        self._substitute_backends(rows, ends)
        self._follow_translations(rows, node, ends)
        self._recognise_reporters(rows, ends)
        return ends

    def _column(self, column: pa.DictionaryArray, node: str) -> np.ndarray:
        addresses = column.dictionary.to_pylist()
        self._learn([address for address in addresses if address not in self._ids])
        ids = np.fromiter(map(self._ids.__getitem__, addresses), np.int64, len(addresses))
        for position in np.flatnonzero(ids == LOCAL):
            ids[position] = self._on_node(addresses[position], node)
        rows: np.ndarray = ids[column.indices.to_numpy()]
        return rows

    def _learn(self, addresses: Sequence[bytes]) -> None:
        if not addresses:
            return
        classes = self._classifier.classify(addresses)
        for address, found in zip(addresses, classes, strict=True):
            if address not in self._ids:
                local = found.kind == "local" and address not in self._nodes
                endpoint = self._endpoint(address, found)
                front = self._virtual.get(address)
                self._ids[address] = LOCAL if local else self._add(endpoint, front)

    def _add(self, endpoint: Endpoint, front: Frontend | None = None) -> int:
        number = self.endpoints.add(endpoint)
        if front:
            self._fronts[number] = front
        return number

    def _endpoint(self, address: bytes, otherwise: Class) -> Endpoint:
        if front := self._virtual.get(address):
            return Endpoint(address, "service", service=front.service, method="cluster_ip")
        if pod := self._pods.get(address):
            return self._of_pod(address, pod, "pod_ip")
        if node := self._nodes.get(address):
            return _of_node(address, node)
        return Endpoint(
            address,
            otherwise.kind,
            region=otherwise.region,
            service=otherwise.service,
            method=otherwise.method,
        )

    def _of_pod(self, address: bytes, pod: Pod, method: str) -> Endpoint:
        node = self._inventory.nodes.get(pod.node)
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
        )

    def _on_node(self, address: bytes, name: str) -> int:
        """Loopback and link-local addresses mean the node that reports them."""
        key = address, name
        if key not in self._loopbacks:
            self._loopbacks[key] = self._add(_of_node(address, self._node(name)))
        return self._loopbacks[key]

    def _node(self, name: str) -> Node:
        return self._inventory.nodes.get(name) or Node(name, "", "", ())

    def _substitute_backends(self, rows: pa.RecordBatch, ends: Ends) -> None:
        """Where the server is a Service's frontend, put what stands behind it, in place."""
        column = rows["server_address"]
        addresses = column.dictionary.to_pylist()
        codes = column.indices.to_numpy()
        fronted = np.fromiter(
            (a in self._virtual or a in self._nodes for a in addresses), bool, len(addresses)
        )
        positions = np.flatnonzero(fronted[codes])
        if not positions.size:
            return
        protocols = rows["protocol"].to_numpy()[positions].astype(np.int64)
        ports = ends.server_port[positions].astype(np.int64) << 8 | protocols
        pairs, inverse = _distinct(codes[positions], ports)
        substitutes = np.array(
            [self._backend(addresses[code], port >> 8, port & 0xFF) for code, port in pairs]
        )[inverse]
        known = substitutes[:, 0] >= 0
        ends.server[positions[known]] = substitutes[known, 0]
        ends.server_port[positions[known]] = substitutes[known, 1]

    def _follow_translations(self, rows: pa.RecordBatch, node: str, ends: Ends) -> None:
        """Where conntrack told which backend was chosen, put that, in place."""
        column, ports = rows["backend_address"], rows["backend_port"]
        if column.null_count == len(column):
            return
        translated = pc.and_(column.is_valid(), ports.is_valid())
        positions = np.flatnonzero(translated.to_numpy(zero_copy_only=False))
        codes = column.indices.fill_null(0).to_numpy()[positions]
        pairs, inverse = _distinct(ends.server[positions], codes)
        backends = [(front, column.dictionary[code].as_py()) for front, code in pairs]
        ids = [self._translated(front, backend, node) for front, backend in backends]
        ends.server[positions] = np.array(ids, np.int64)[inverse]
        ends.server_port[positions] = ports.fill_null(0).to_numpy()[positions]

    def _translated(self, number: int, address: bytes, node: str) -> int:
        """The backend by its own identity, and by the Service of the endpoint before it."""
        key = number, address, node
        if key not in self._translations:
            front = self._fronts.get(number)
            endpoint = self._chosen(address, front, node)._replace(method="conntrack")
            service = front.service if front else endpoint.service
            self._translations[key] = self._add(endpoint._replace(service=service))
        return self._translations[key]

    def _chosen(self, address: bytes, front: Frontend | None, node: str) -> Endpoint:
        for backend in front.backends if front else ():
            if backend.address == address:
                return self._candidate(backend)
        (found,) = self._classifier.classify([address])
        if found.kind == "local" and address not in self._nodes:
            return _of_node(address, self._node(node))
        return self._endpoint(address, found)

    def _recognise_reporters(self, rows: pa.RecordBatch, ends: Ends) -> None:
        """Put the pod whose cgroup the reporting socket is in, in place: hostNetwork pods share
        their node's address, and loopback is every pod's."""
        uids = rows["pod_uid"]
        if uids.null_count == len(uids):
            return
        words = uids.dictionary.to_pylist()
        known = np.array([*(uid in self._by_uid for uid in words), False])
        codes = uids.indices.fill_null(len(words)).to_numpy()
        reporters = np.where(known[codes], rows["reporter"].to_numpy(), 0)
        for reporter, own in ((Reporter.CLIENT, "client"), (Reporter.SERVER, "server")):
            positions = np.flatnonzero(reporters == reporter)
            addresses = rows[f"{own}_address"]
            places = addresses.indices.to_numpy()[positions]
            pairs, inverse = _distinct(codes[positions], places)
            sockets = [(words[uid], addresses.dictionary[place].as_py()) for uid, place in pairs]
            ids = np.array([self._reporter(*socket) for socket in sockets], np.int64)
            getattr(ends, own)[positions] = ids[inverse]

    def _reporter(self, uid: str, address: bytes) -> int:
        key = uid, address
        if key not in self._reporters:
            self._reporters[key] = self._add(self._of_pod(address, self._by_uid[uid], "pod_uid"))
        return self._reporters[key]

    def _backend(self, address: bytes, port: int, protocol: int) -> tuple[int, int]:
        """Endpoint id and target port behind a frontend; NO_BACKEND where there is no such."""
        key = address, port, protocol
        if key not in self._backends:
            front = self._frontends.get(key)
            if not front and address in self._nodes:
                front = self._frontends.get((None, port, protocol))
            self._backends[key] = self._behind(address, front) if front else NO_BACKEND
        return self._backends[key]

    def _behind(self, address: bytes, front: Frontend) -> tuple[int, int]:
        """Any of the candidates may have served, so only what all of them share is said."""
        candidates = [self._candidate(backend) for backend in front.backends]
        workloads = {(end.kind, end.namespace, end.workload) for end in candidates}
        named = len(workloads) == 1 and candidates[0].workload
        shared = [_common(values) for values in list(zip(*candidates, strict=True))[IDENTITY]]
        nameless = ["service", front.service.split("/")[0], *[""] * 6]
        identity = shared if named else nameless
        endpoint = Endpoint(address, *identity)._replace(service=front.service, method="cluster_ip")
        ports = {backend.port for backend in front.backends if backend.port}
        return self._add(endpoint, front), ports.pop() if len(ports) == 1 else front.port

    def _candidate(self, backend: Backend) -> Endpoint:
        if pod := self._inventory.pods.get((backend.namespace, backend.pod)):
            return self._of_pod(backend.address, pod, "cluster_ip")
        return self._endpoint(backend.address, self._classifier.classify([backend.address])[0])


def _distinct(high: np.ndarray, low: np.ndarray) -> tuple[list[tuple[int, int]], np.ndarray]:
    """The different pairs (each below 2**32), and for every row the position of its own."""
    packed = pa.array(high.astype(np.int64) << 32 | low).dictionary_encode()
    pairs = [divmod(pair, 1 << 32) for pair in packed.dictionary.to_pylist()]
    return pairs, packed.indices.to_numpy()


def _common(values: Iterable[str]) -> str:
    unique = set(values)
    return unique.pop() if len(unique) == 1 else ""


def _of_node(address: bytes, node: Node) -> Endpoint:
    """A node stands for all on its own network, so at workload grain it goes by its own name."""
    return Endpoint(
        address,
        "node",
        workload=node.name,
        workload_kind="Node",
        node=node.name,
        zone=node.zone,
        region=node.region,
        method="host_ip",
    )


def _by_address(pods: Iterable[Pod]) -> dict[bytes, Pod]:
    """Where two pods claim an address, the younger has it: the other is on its way out."""
    oldest_first = sorted(pods, key=lambda pod: pod.created)
    return {address: pod for pod in oldest_first for address in pod.addresses}
