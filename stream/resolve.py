"""Addresses to endpoints as of the rows' times: once per distinct address of a range, then integer
gathers per row.

The order of trust: the pod whose cgroup the reporting socket is in, the backend that conntrack says
was chosen, a Service's frontend, the pod that had the address, a node, then the prefixes, and names
for what is outside of the cluster.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import NamedTuple

import numpy as np

from agent.wire import Reporter
from stream.cluster import NOBODY, Cluster
from stream.columns import NULL, Entries, Learnt, Rows, entries, pairs
from stream.describe import of_candidates, of_class, of_node, of_pod, of_service
from stream.endpoints import Endpoint, Endpoints
from stream.evidence import Method, usual
from stream.holders import Holders, find
from stream.inventory import Backend, Frontend, Node, Pod
from stream.keys import Keys
from stream.naming import Naming
from stream.prefixes import ADDRESS, Prefixes
from stream.seen_names import SeenNames

LOCAL = -1
NO_BACKEND = -1
MAX_ENDPOINTS = 1_000_000
"""The public internet is larger than memory: beyond this, what was learnt is forgotten."""
ADDRESSES = ("client_address", "server_address", "backend_address")


class Ends(NamedTuple):
    """Endpoint ids of both ends of each row, and the port after Service resolution."""

    client: np.ndarray
    server: np.ndarray
    server_port: np.ndarray


class Resolver:
    """Resolves by a cluster as it changes, and by one version of the prefixes; new prefixes take a
    new resolver."""

    def __init__(
        self, cluster: Cluster, prefixes: Prefixes, names: SeenNames | None = None
    ) -> None:
        self._cluster = cluster
        self._prefixes = prefixes
        self._naming = Naming(names, self._add) if names is not None else None
        self.forget()

    def forget(self) -> None:
        """Start with an empty table: all ids given out so far become void."""
        self._epoch = self._cluster.epoch
        self.endpoints = Endpoints()
        self._known = Keys(3)
        self._ids = np.zeros(0, np.int64)
        self._doors = np.zeros(0, bool)
        self._nodeless: set[str] = set()
        self._loopbacks: dict[tuple[bytes, str], int] = {}
        self._once: dict[Endpoint, int] = {}
        self._reporters = Learnt()
        if self._naming:
            self._naming.forget()
        self._forget_services()

    def _forget_services(self) -> None:
        self._edition = self._cluster.edition
        self._backends = Learnt()
        self._fronts: dict[int, Frontend] = {}
        self._translations = Learnt()
        self._virtual = {
            front.address: front for front in self._cluster.frontends.values() if front.address
        }

    def forget_if_full(self) -> None:
        """What changes in the cluster, or grows too large, is found out anew."""
        cluster = self._cluster
        void = cluster.epoch != self._epoch or not self._nodeless.isdisjoint(cluster.nodes)
        if void or len(self.endpoints) > MAX_ENDPOINTS:
            self.forget()
        elif cluster.edition != self._edition:
            self._forget_services()

    def resolve(self, rows: Rows) -> Ends:
        held = find(self._cluster, entries(rows, ADDRESSES), rows)
        numbers = self._numbers(held)[held.pairs]
        addresses = held.entries
        client, server, backend = (self._on_row(numbers, entry, rows) for entry in addresses.rows)
        ends = Ends(client.copy(), server.copy(), rows.numbers("server_port").copy())
        self._substitute_backends(numbers, addresses.rows[1], rows, ends)
        self._follow_translations(addresses.rows[2], backend, rows, ends)
        uids = entries(rows, ("pod_uid",))
        self._recognise_reporters(uids, rows.numbers("reporter"), client, server, ends)
        if self._naming:
            self._naming.name(rows, addresses, uids, self.endpoints, ends[:2])
        return ends

    def _on_row(self, numbers: np.ndarray, entry: np.ndarray, rows: Rows) -> np.ndarray:
        """Of each row its endpoint's id; anything where the entry is NULL."""
        if not len(numbers):
            return np.zeros(len(entry), np.int64)
        ids: np.ndarray = self._ids[numbers].take(entry, mode="wrap")
        local = np.flatnonzero((ids == LOCAL) & (entry != NULL))
        if local.size:
            found, place = pairs(numbers[entry[local]], rows.batches[local])
            own = [self._on_node(self._pair(number)[0], rows.nodes[at]) for number, at in found]
            ids[local] = np.array(own)[place]
        return ids

    def _numbers(self, held: Holders) -> np.ndarray:
        """The place of each pair in `_ids` (of endpoints, or LOCAL where the node that reports must
        tell) and in `_doors`."""
        holders = (held.records + 1).astype("u8").reshape(-1, 1)
        keys = np.concatenate([held.octets.view("u8"), holders], axis=1)
        numbers = self._known.find(keys)
        new = np.flatnonzero(numbers < 0)
        if new.size:
            numbers[new] = self._known.add(keys[new])
            new = new[np.unique(numbers[new], return_index=True)[1]]
            ids = self._learn(held.octets[new].view(ADDRESS).ravel(), held.records[new])
            self._ids = np.append(self._ids, ids)
            self._doors = np.append(self._doors, self._cluster.doors(held.records[new]))
        return numbers

    def _pair(self, number: int) -> tuple[bytes, int]:
        """An address, and the number of its holder's record."""
        *address, record = self._known.keys[number].tolist()
        return np.array(address, "u8").tobytes(), int(record) - 1

    def _learn(self, addresses: np.ndarray, records: np.ndarray) -> np.ndarray:
        """By who has them; what nobody has is told by its prefix, and so many at once."""
        ids = np.full(len(addresses), LOCAL)
        nobodys = np.flatnonzero(records == NOBODY)
        codes = self._prefixes.lookup(addresses[nobodys])
        for code in np.unique(codes).tolist():
            found, some = self._prefixes.classes[code], nobodys[codes == code]
            if found.kind != "local":
                ids[some] = self.endpoints.add_alike(of_class(b"", found), addresses[some])
        for place in np.flatnonzero(records != NOBODY).tolist():
            ids[place] = self._add(self._held(addresses[place].tobytes(), int(records[place])))
        return ids

    def _held(self, address: bytes, record: int) -> Endpoint:
        holder = self._cluster.records[record]
        if isinstance(holder, Pod):
            return self._of_pod(address, holder, Method.POD_IP)
        return of_node(address, holder) if isinstance(holder, Node) else of_service(address, holder)

    def _add(self, endpoint: Endpoint) -> int:
        return self.endpoints.add(endpoint)

    def _add_once(self, endpoint: Endpoint) -> int:
        """For what may be found out again and again."""
        if endpoint not in self._once:
            self._once[endpoint] = self._add(endpoint)
        return self._once[endpoint]

    def _of_pod(self, address: bytes, pod: Pod, method: Method) -> Endpoint:
        node = self._cluster.nodes.get(pod.node)
        if node is None:
            self._nodeless.add(pod.node)
        return of_pod(address, pod, node, method)

    def _on_node(self, address: bytes, name: str) -> int:
        """Loopback and link-local addresses mean the node that reports them."""
        key = address, name
        if key not in self._loopbacks:
            node = self._cluster.nodes.get(name)
            if node is None:
                self._nodeless.add(name)
            self._loopbacks[key] = self._add(of_node(address, node or Node(name, "", "", ())))
        return self._loopbacks[key]

    def _substitute_backends(
        self, numbers: np.ndarray, entry: np.ndarray, rows: Rows, ends: Ends
    ) -> None:
        """Where the server is a Service's frontend, put what stands behind it, in place. numbers:
        of each dictionary's entry its address's; entry: each row's."""
        positions = np.flatnonzero(self._doors[numbers][entry])
        if not positions.size:
            return
        protocols = rows.numbers("protocol")[positions].astype(np.int64)
        ports = ends.server_port[positions].astype(np.int64) << 8 | protocols
        found = self._backends.values(numbers[entry[positions]], ports, self._backend)
        known = found != NO_BACKEND
        ends.server[positions[known]] = found[known] >> 16
        ends.server_port[positions[known]] = found[known] & 0xFFFF

    def _follow_translations(
        self, entry: np.ndarray, backend: np.ndarray, rows: Rows, ends: Ends
    ) -> None:
        """Where conntrack told which backend was chosen, put that, in place."""
        ports = rows.columns["backend_port"]
        if ports.null_count == len(ports):
            return
        translated = (entry != NULL) & ports.is_valid().to_numpy(zero_copy_only=False)
        positions = np.flatnonzero(translated)
        ends.server[positions] = self._translations.values(
            ends.server[positions], backend[positions], self._translated
        )
        ends.server_port[positions] = ports.fill_null(0).to_numpy()[positions]

    def _translated(self, number: int, backend: int) -> int:
        """The backend by its own identity, and by the Service of the endpoint before it."""
        before = self.endpoints[number]
        front = self._fronts.get(number) or self._virtual.get(before.address)
        endpoint = self._chosen(self.endpoints[backend], front)
        if endpoint.kind == "pod":  # and not merely one of several that it can be
            endpoint = endpoint._replace(confidence=usual(Method.CONNTRACK))
        service = front.service if front else endpoint.service
        return self._add_once(endpoint._replace(method=Method.CONNTRACK, service=service))

    def _chosen(self, endpoint: Endpoint, front: Frontend | None) -> Endpoint:
        """Of a pod on its node's network its own address does not tell."""
        for backend in front.backends if front and endpoint.kind != "pod" else ():
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
        told = map(self._cluster.pods.get, words, repeat(NULL))
        records = np.fromiter(chain(told, [NULL]), np.int64, len(words) + 1)
        pods = records[np.append(uids.codes, len(words))[uids.rows[0]]]  # NULL is the last
        positions = np.flatnonzero(pods != NULL)
        is_client = reporters[positions] == Reporter.CLIENT
        own = np.where(is_client, client[positions], server[positions])
        ids = self._reporters.values(pods[positions], own, self._reporter)
        ends.client[positions[is_client]] = ids[is_client]
        ends.server[positions[~is_client]] = ids[~is_client]

    def _reporter(self, record: int, number: int) -> int:
        pod = self._cluster.records[record]
        assert isinstance(pod, Pod)
        return self._add(self._of_pod(self.endpoints[number].address, pod, Method.POD_UID))

    def _backend(self, number: int, way_in: int) -> int:
        """Of a pair by its number, and port << 8 | protocol: the endpoint's id << 16 | target port
        behind a frontend; NO_BACKEND where there is no such."""
        (address, record), port, protocol = self._pair(number), way_in >> 8, way_in & 0xFF
        front = self._cluster.frontends.get((address, port, protocol))
        if not front and isinstance(self._cluster.records[record], Node):
            front = self._cluster.frontends.get((None, port, protocol))
        return self._behind(address, front) if front else NO_BACKEND

    def _behind(self, address: bytes, front: Frontend) -> int:
        candidates = [self._candidate(backend) for backend in front.backends]
        number = self._add_once(of_candidates(address, front.service, candidates))
        self._fronts[number] = front
        ports = {backend.port for backend in front.backends if backend.port}
        return number << 16 | (ports.pop() if len(ports) == 1 else front.port)

    def _candidate(self, backend: Backend) -> Endpoint:
        if pod := self._cluster.pod(backend.namespace, backend.pod):
            return self._of_pod(backend.address, pod, Method.CLUSTER_IP)
        record = self._cluster.now(backend.address)
        if record != NOBODY:
            return self._held(backend.address, record)
        (code,) = self._prefixes.lookup(np.frombuffer(backend.address, ADDRESS))
        return of_class(backend.address, self._prefixes.classes[code])
