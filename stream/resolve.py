"""Addresses to endpoints: once per distinct address of a range, then integer gathers per row.

The order of trust: the pod whose cgroup the reporting socket is in, the backend that conntrack says
was chosen, a Service's frontend, a running pod, a node, then the prefixes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from agent.wire import Batch, Reporter
from stream.columns import NULL, Entries, Learnt, entries
from stream.endpoints import Endpoint, Endpoints
from stream.evidence import WORDS, Method, usual
from stream.inventory import Backend, Frontend, Inventory, Node, Pod
from stream.keys import EMPTY, Keys
from stream.naming import Naming
from stream.prefixes import ADDRESS, Class, Prefixes
from stream.seen_names import SeenNames

LOCAL = -1
NO_BACKEND = -1
MAX_ENDPOINTS = 1_000_000
"""The public internet is larger than memory: beyond this, what was learnt is forgotten."""

FrontendKey = tuple[bytes | None, int, int]


class Ends(NamedTuple):
    """Endpoint ids of both ends of each row, and the port after Service resolution."""

    client: np.ndarray
    server: np.ndarray
    server_port: np.ndarray


class Resolver:
    """Resolves by one version of the inventory; a new version takes a new resolver."""

    def __init__(
        self, inventory: Inventory, prefixes: Prefixes, names: SeenNames | None = None
    ) -> None:
        self._inventory = inventory
        self._prefixes = prefixes
        self._pods = _by_address(inventory.pods.values())
        self._nodes = {a: node for node in inventory.nodes.values() for a in node.addresses}
        self._frontends: dict[FrontendKey, Frontend] = {
            (front.address, front.port, front.protocol): front for front in inventory.frontends
        }
        self._virtual = {front.address: front for front in inventory.frontends if front.address}
        self._doors = self._virtual.keys() | self._nodes.keys()
        by_uid = {pod.uid: pod for pod in inventory.pods.values() if pod.uid}
        self._running = list(by_uid.values())
        self._place_of_uid = {uid: place for place, uid in enumerate(by_uid)}
        self._naming = Naming(names, self._add) if names is not None else None
        self.forget()

    def forget(self) -> None:
        """Start with an empty table: all ids given out so far become void."""
        self.endpoints = Endpoints()
        self._addresses = Keys(2)
        self._ids = np.zeros(0, np.int64)
        self._fronted = np.zeros(0, bool)
        self._loopbacks: dict[tuple[bytes, str], int] = {}
        self._backends = Learnt()
        self._fronts: dict[int, Frontend] = {}
        self._translations = Learnt()
        self._served: dict[Endpoint, int] = {}
        self._reporters = Learnt()
        if self._naming:
            self._naming.forget()

    def forget_if_full(self) -> None:
        if len(self.endpoints) > MAX_ENDPOINTS:
            self.forget()

    def resolve(self, batches: Sequence[Batch]) -> Ends:
        """Of all rows of at least one batch, in order."""
        parts = [batch.rows for batch in batches]
        rows = pa.Table.from_batches(parts)
        addresses = entries(parts, ("client_address", "server_address", "backend_address"))
        numbers = self._numbers(addresses.distinct)[addresses.codes]
        ids = self._ids[numbers]
        for entry in np.flatnonzero(ids == LOCAL).tolist():
            node = batches[addresses.batches[entry]].origin.node
            ids[entry] = self._on_node(self._address(numbers[entry]), node)
        client, server = (ids[column] for column in addresses.rows[:2])
        ends = Ends(client.copy(), server.copy(), rows["server_port"].to_numpy().copy())
        self._substitute_backends(numbers, addresses.rows[1], rows, ends)
        self._follow_translations(addresses.rows[2], ids, rows, ends)
        uids = entries(parts, ("pod_uid",))
        self._recognise_reporters(uids, rows["reporter"].to_numpy(), client, server, ends)
        if self._naming:
            self._naming.name(batches, addresses, uids, self.endpoints, ends[:2])
        return ends

    def _numbers(self, addresses: pa.Array) -> np.ndarray:
        """Each address's place in `_ids` (of endpoints, or LOCAL where the node that reports must
        tell) and in `_fronted` (whether it can be a Service's). addresses: different ones."""
        packed = np.frombuffer(addresses.buffers()[1], "V16")[addresses.offset :][: len(addresses)]
        numbers = self._addresses.find(packed)
        new = packed[numbers == EMPTY]
        if new.size:
            numbers[numbers == EMPTY] = self._addresses.add(new)
            self._learn([address.tobytes() for address in new])
        return numbers

    def _learn(self, addresses: Sequence[bytes]) -> None:
        ids = []
        for address, found in zip(addresses, self._classes(addresses), strict=True):
            local = found.kind == "local" and address not in self._nodes
            endpoint = self._endpoint(address, found)
            front = self._virtual.get(address)
            ids.append(LOCAL if local else self._add(endpoint, front))
        fronted = [address in self._doors for address in addresses]
        self._ids = np.append(self._ids, ids)
        self._fronted = np.append(self._fronted, fronted)

    def _address(self, number: int) -> bytes:
        told: bytes = self._addresses.keys[number].tobytes()
        return told

    def _classes(self, addresses: Sequence[bytes]) -> list[Class]:
        codes = self._prefixes.lookup(np.frombuffer(b"".join(addresses), ADDRESS))
        return [self._prefixes.classes[code] for code in codes.tolist()]

    def _add(self, endpoint: Endpoint, front: Frontend | None = None) -> int:
        number = self.endpoints.add(endpoint)
        if front:
            self._fronts[number] = front
        return number

    def _endpoint(self, address: bytes, otherwise: Class) -> Endpoint:
        if front := self._virtual.get(address):
            method = Method.CLUSTER_IP
            return Endpoint(
                address, "service", service=front.service, method=method, confidence=usual(method)
            )
        if pod := self._pods.get(address):
            return self._of_pod(address, pod, Method.POD_IP)
        if node := self._nodes.get(address):
            return _of_node(address, node)
        return Endpoint(
            address,
            otherwise.kind,
            region=otherwise.region,
            service=otherwise.service,
            method=otherwise.method,
            confidence=WORDS[otherwise.confidence],
        )

    def _of_pod(self, address: bytes, pod: Pod, method: Method) -> Endpoint:
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
            zone_id=node.zone_id if node else "",
            confidence=usual(method),
            labels=pod.labels,
            host=node.addresses[0] if node and node.addresses else b"",
        )

    def _on_node(self, address: bytes, name: str) -> int:
        """Loopback and link-local addresses mean the node that reports them."""
        key = address, name
        if key not in self._loopbacks:
            self._loopbacks[key] = self._add(_of_node(address, self._node(name)))
        return self._loopbacks[key]

    def _node(self, name: str) -> Node:
        return self._inventory.nodes.get(name) or Node(name, "", "", ())

    def _substitute_backends(
        self, numbers: np.ndarray, entry: np.ndarray, rows: pa.Table, ends: Ends
    ) -> None:
        """Where the server is a Service's frontend, put what stands behind it, in place. numbers:
        of each dictionary's entry its address's; entry: each row's."""
        positions = np.flatnonzero(self._fronted[numbers][entry])
        if not positions.size:
            return
        protocols = rows["protocol"].to_numpy()[positions].astype(np.int64)
        ports = ends.server_port[positions].astype(np.int64) << 8 | protocols
        found = self._backends.values(numbers[entry[positions]], ports, self._backend)
        known = found != NO_BACKEND
        ends.server[positions[known]] = found[known] >> 16
        ends.server_port[positions[known]] = found[known] & 0xFFFF

    def _follow_translations(
        self, entry: np.ndarray, ids: np.ndarray, rows: pa.Table, ends: Ends
    ) -> None:
        """Where conntrack told which backend was chosen, put that, in place."""
        ports = rows["backend_port"]
        if ports.null_count == len(ports):
            return
        translated = (entry != NULL) & ports.is_valid().to_numpy()
        positions = np.flatnonzero(translated)
        ends.server[positions] = self._translations.values(
            ends.server[positions], ids[entry[positions]], self._translated
        )
        ends.server_port[positions] = ports.fill_null(0).to_numpy()[positions]

    def _translated(self, number: int, backend: int) -> int:
        """The backend by its own identity, and by the Service of the endpoint before it."""
        front = self._fronts.get(number)
        endpoint = self._chosen(self.endpoints[backend], front)
        if endpoint.kind == "pod":  # and not merely one of several that it can be
            endpoint = endpoint._replace(confidence=usual(Method.CONNTRACK))
        service = front.service if front else endpoint.service
        endpoint = endpoint._replace(method=Method.CONNTRACK, service=service)
        if endpoint not in self._served:  # by another address of the same Service
            self._served[endpoint] = self._add(endpoint)
        return self._served[endpoint]

    def _chosen(self, endpoint: Endpoint, front: Frontend | None) -> Endpoint:
        for backend in front.backends if front else ():
            if backend.address == endpoint.address:
                return self._candidate(backend)
        return endpoint

    def _recognise_reporters(
        self,
        uids: Entries,
        reporters: np.ndarray,
        client: np.ndarray,
        server: np.ndarray,
        ends: Ends,
    ) -> None:
        """Put the pod whose cgroup the reporting socket is in, in place: hostNetwork pods share
        their node's address, and loopback is every pod's. client, server: as addresses tell."""
        words = uids.distinct.to_pylist()
        told = map(self._place_of_uid.get, words, repeat(NULL))
        places = np.fromiter(chain(told, [NULL]), np.int64, len(words) + 1)
        pods = places[np.append(uids.codes, len(words))[uids.rows[0]]]  # NULL is the last
        positions = np.flatnonzero(pods != NULL)
        is_client = reporters[positions] == Reporter.CLIENT
        own = np.where(is_client, client[positions], server[positions])
        ids = self._reporters.values(pods[positions], own, self._reporter)
        ends.client[positions[is_client]] = ids[is_client]
        ends.server[positions[~is_client]] = ids[~is_client]

    def _reporter(self, place: int, number: int) -> int:
        address = self.endpoints[number].address
        return self._add(self._of_pod(address, self._running[place], Method.POD_UID))

    def _backend(self, number: int, way_in: int) -> int:
        """Of an address by its number, and port << 8 | protocol: the endpoint's id << 16 | target
        port behind a frontend; NO_BACKEND where there is no such."""
        address, port, protocol = self._address(number), way_in >> 8, way_in & 0xFF
        front = self._frontends.get((address, port, protocol))
        if not front and address in self._nodes:
            front = self._frontends.get((None, port, protocol))
        return self._behind(address, front) if front else NO_BACKEND

    def _behind(self, address: bytes, front: Frontend) -> int:
        """Any of the candidates may have served, so only what all of them share is said."""
        candidates = [self._candidate(backend) for backend in front.backends]
        workloads = {(end.kind, end.namespace, end.workload) for end in candidates}
        endpoint = Endpoint(address, "service", front.service.split("/")[0])
        if len(workloads) == 1 and candidates[0].workload:
            endpoint = _shared(candidates)._replace(address=address)
        endpoint = endpoint._replace(
            service=front.service, method=Method.CLUSTER_IP, confidence=usual(Method.CLUSTER_IP)
        )
        ports = {backend.port for backend in front.backends if backend.port}
        port = ports.pop() if len(ports) == 1 else front.port
        return self._add(endpoint, front) << 16 | port

    def _candidate(self, backend: Backend) -> Endpoint:
        if pod := self._inventory.pods.get((backend.namespace, backend.pod)):
            return self._of_pod(backend.address, pod, Method.CLUSTER_IP)
        return self._endpoint(backend.address, *self._classes([backend.address]))


def _shared(candidates: Sequence[Endpoint]) -> Endpoint:
    """What is the same of all of them."""
    first = candidates[0]
    different = {
        name: Endpoint._field_defaults[name]
        for name, values in zip(
            Endpoint._fields[1:], list(zip(*candidates, strict=True))[1:], strict=True
        )
        if len(set(values)) > 1
    }
    return first._replace(**different)


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
        method=Method.HOST_IP,
        zone_id=node.zone_id,
        confidence=usual(Method.HOST_IP),
    )


def _by_address(pods: Iterable[Pod]) -> dict[bytes, Pod]:
    """Where two pods claim an address, the younger has it: the other is on its way out."""
    oldest_first = sorted(pods, key=lambda pod: pod.created)
    return {address: pod for pod in oldest_first for address in pod.addresses}
