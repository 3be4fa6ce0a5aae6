"""A made-up cluster: nodes, pods, workloads, and which pod speaks with whom.

Workloads have sizes and popularity by Zipf's law, so a few are called by nearly all; each calls six
others, its dependencies. Of the conversations that pods open, 72 % go to pods, 10 % to DNS, 12 % to
AWS services and 6 % to the internet; one in 20 of all comes from the internet. Addresses lie as the
VPC CNI gives them out: one block a node, which a pod's successor takes the next address of.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
DEPENDENCIES = 6
DNS = 0
"""The workload that answers DNS; all others answer on a port of PORTS."""
PORTS = np.array([8080, 80, 443, 5432, 6379, 9092, 50051, 3306])
TO_DNS, TO_AWS, TO_INTERNET, FROM_INTERNET = 0.10, 0.12, 0.06, 0.05
AWS_HOSTS = 4_096
"""Of S3 and DynamoDB in us-east-1, within prefixes of ip-ranges.json."""
INTERNET_HOSTS = 50_000
UDP, TCP = 17, 6


@dataclass(frozen=True)
class Shape:
    """How large the cluster is and how it talks.

    peers: conversations that a pod has, of which `active` is the share with traffic in an interval.
    cross_zone: share of those between pods that leave the client's zone. through_service: share
    that goes by a ClusterIP, translated by conntrack. churn: share of pods replaced in an hour.
    """

    pods: int = 10_000
    pods_per_node: int = 30
    pods_per_workload: int = 8
    peers: int = 16
    active: float = 0.6
    cross_zone: float = 0.5
    through_service: float = 0.8
    churn: float = 0.05
    interval_seconds: int = 5
    seed: int = 1


@dataclass(frozen=True)
class Conversations:
    """Columns of equal length. A pod of -1 is none: that end is outside, and `outside` its
    number. kept: over connections that stay open, not one a request."""

    client: Array
    server: Array
    outside: Array
    port: Array
    protocol: Array
    by_service: Array
    kept: Array
    base_rtt: Array


class Cluster:
    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        random = np.random.default_rng(shape.seed)
        pods = np.arange(shape.pods)
        self.nodes = -(-shape.pods // shape.pods_per_node)
        self.workloads = max(2, shape.pods // shape.pods_per_workload)
        popularity = 1 / np.arange(1, self.workloads + 1) ** 0.9
        self._popularity = popularity / popularity.sum()
        sizes = 1 / np.arange(1, self.workloads + 1) ** 0.6
        drawn = random.choice(self.workloads, shape.pods, p=sizes / sizes.sum())
        drawn[: self.workloads] = np.arange(min(self.workloads, shape.pods))
        self.workload_of = random.permutation(drawn)
        self.node_of = pods // shape.pods_per_node
        self.zone_of = self.node_of % len(ZONES)
        self.port_of = np.append(53, random.choice(PORTS, self.workloads - 1))
        self._phase = random.random(shape.pods)
        self.conversations = self._converse(random)

    @property
    def reports(self) -> int:
        """Rows of an interval in which every conversation has traffic."""
        talk = self.conversations
        return int((talk.client >= 0).sum() + (talk.server >= 0).sum())

    def generation(self, hours: float) -> Array:
        """How often each pod has been replaced so far."""
        replaced: Array = (self._phase + self.shape.churn * hours).astype(np.int64)
        return replaced

    def pod_addresses(self, pods: Array, generations: Array) -> Array:
        """generations: of each of these pods, which have an address each."""
        slot = pods % self.shape.pods_per_node
        block = 254 // self.shape.pods_per_node
        host = 1 + slot + self.shape.pods_per_node * (generations % block)
        return _ipv4(10 << 24 | self.node_of[pods] << 8 | host)

    def service_addresses(self, workloads: Array) -> Array:
        return _ipv4((172 << 24 | 20 << 16) + workloads + 10)

    def outside_addresses(self, numbers: Array) -> Array:
        aws = np.where(
            numbers % 2,
            (52 << 24 | 216 << 16) + numbers,  # S3: 52.216.0.0/15
            (52 << 24 | 94 << 16) + numbers % 1024,  # DynamoDB: 52.94.0.0/22
        )
        hosts = (128 << 24) + numbers.astype(np.int64) * 7_919 % (40 << 24)
        return _ipv4(np.where(numbers < AWS_HOSTS, aws, hosts))

    def node_name(self, node: int) -> str:
        address = 192 << 24 | 168 << 16 | node
        return (
            f"ip-{'-'.join(str(address >> shift & 255) for shift in (24, 16, 8, 0))}.ec2.internal"
        )

    @cached_property
    def by_place(self) -> tuple[Array, Array]:
        """Pods in order of workload and zone, and where each such place begins."""
        place = self.workload_of * len(ZONES) + self.zone_of
        order = np.argsort(place, kind="stable")
        starts = np.searchsorted(place[order], np.arange(self.workloads * len(ZONES) + 1))
        return order, starts

    def _converse(self, random: np.random.Generator) -> Conversations:
        shape = self.shape
        count = shape.pods * shape.peers
        client = np.repeat(np.arange(shape.pods), shape.peers)
        depends = random.choice(self.workloads, (self.workloads, DEPENDENCIES), p=self._popularity)
        called = depends[self.workload_of[client], random.integers(0, DEPENDENCIES, count)]
        kind = random.random(count)
        called = np.where(kind < TO_DNS, DNS, called)
        server = self._replicas(called, self.zone_of[client], random)
        outside = np.full(count, -1)
        away = kind > 1 - TO_AWS - TO_INTERNET
        aws = kind > 1 - TO_AWS
        outside[away] = AWS_HOSTS + random.zipf(1.3, away.sum()) % INTERNET_HOSTS
        outside[aws] = random.integers(0, AWS_HOSTS, aws.sum())
        server[away] = -1
        inbound = random.random(count) < FROM_INTERNET
        outside[inbound] = AWS_HOSTS + random.integers(0, INTERNET_HOSTS, inbound.sum())
        server[inbound], client = client[inbound], np.where(inbound, -1, client)
        key = (client + 1) * (shape.pods + 1) + server + 1
        _, first = np.unique(
            key * (AWS_HOSTS + INTERNET_HOSTS + 1) + outside + 1, return_index=True
        )
        first = first[(client[first] != server[first])]
        return self._describe(client[first], server[first], outside[first], random)

    def _replicas(self, workload: Array, zone: Array, random: np.random.Generator) -> Array:
        """A pod of each workload: in the given zone or out of it, as far as there is one."""
        order, starts = self.by_place
        leaves = random.random(len(workload)) < self.shape.cross_zone
        away = (zone + random.integers(1, len(ZONES), len(zone))) % len(ZONES)
        place = workload * len(ZONES) + np.where(leaves, away, zone)
        first, size = starts[place], starts[place + 1] - starts[place]
        every = workload * len(ZONES)
        empty = size == 0
        first = np.where(empty, starts[every], first)
        size = np.where(empty, starts[every + len(ZONES)] - first, size)
        replicas: Array = order[first + (random.random(len(workload)) * size).astype(np.int64)]
        return replicas

    def _describe(
        self, client: Array, server: Array, outside: Array, random: np.random.Generator
    ) -> Conversations:
        count = len(client)
        inside = (client >= 0) & (server >= 0)
        workload = self.workload_of[server]
        dns = (server >= 0) & (workload == DNS)
        same_zone = inside & (self.zone_of[client] == self.zone_of[server])
        aws = (outside >= 0) & (outside < AWS_HOSTS)
        usual = np.select([same_zone, inside, aws], [200.0, 800.0, 2_500.0], 25_000.0)
        return Conversations(
            client,
            server,
            outside,
            np.where(server >= 0, self.port_of[workload], 443).astype(np.uint16),
            np.where(dns & inside, UDP, TCP).astype(np.uint8),
            inside & (random.random(count) < np.where(dns, 1.0, self.shape.through_service)),
            random.random(count) < 0.6,
            (usual * random.lognormal(0, 0.4, count)).astype(np.float32),
        )


@lru_cache(maxsize=1 << 20)
def identity(pod: int, generation: int) -> tuple[str, str]:
    """A pod's uid and its container's id."""
    digest = hashlib.sha256(f"{pod}-{generation}".encode()).hexdigest()
    return str(UUID(digest[:32])), digest


def _ipv4(numbers: Array) -> Array:
    """IPv4 addresses as numbers to 16 bytes each, mapped into IPv6."""
    packed = np.zeros((len(numbers), 16), "u1")
    packed[:, 10:12] = 255
    packed[:, 12:] = numbers.astype(">u4").view("u1").reshape(-1, 4)
    return packed.view("V16")[:, 0]


def text(address: Any) -> str:
    """An address of these as people write it."""
    return ".".join(map(str, bytes(address)[12:]))
