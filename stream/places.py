"""Endpoints to places in the account's network: once an endpoint, ahead of any pair of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from ipaddress import ip_network
from typing import NamedTuple

import numpy as np

from stream.addresses import MAPPED
from stream.network.model import BalancerType, Network, Vpc
from stream.network.prefixes import NONE, Prefixes

UNSAID = 0
"""Code of a zone or region that is not known."""


class End(NamedTuple):
    """What resolution found of one endpoint. `host`: its node's address, if it is a pod; `service`
    of an aws_service as ip-ranges.json or botocore name it, with its `region`, GLOBAL included."""

    address: bytes
    kind: str = "unknown"
    zone: str = ""
    zone_id: str = ""
    region: str = ""
    service: str = ""
    host: bytes = b""


class Ends(NamedTuple):
    """Many of them. addresses: of 16 bytes. alike: the different ones but for their addresses.
    of: of each end its place among these."""

    addresses: np.ndarray
    alike: Sequence[End]
    of: np.ndarray

    @classmethod
    def each(cls, ends: Sequence[End]) -> Ends:
        addresses = np.array([end.address for end in ends], "S16")
        return cls(addresses, ends, np.arange(len(ends)))


class Kind(IntEnum):
    UNKNOWN = 0
    POD = 1
    NODE = 2
    SERVICE = 3
    AWS_SERVICE = 4
    INTERNET = 5
    ON_PREM = 6


KINDS = {kind.name.lower(): kind for kind in Kind}


class Service(IntEnum):
    """AWS services that are billed unlike the rest of them."""

    OTHER = 0
    EC2 = 1
    CLOUDFRONT = 2


class Places(NamedTuple):
    """A column each, an entry an endpoint. Numbers are those of the Gazetteer; NONE where there is
    none, UNSAID for zones and regions. virtual: the address never meets a route table, as Services'
    and those of pods in an overlay do not. balancer: an application or classic load balancer's."""

    address: np.ndarray
    kind: np.ndarray
    service: np.ndarray
    subnet: np.ndarray
    vpc: np.ndarray
    zone_id: np.ndarray
    zone_name: np.ndarray
    region: np.ndarray
    interface: np.ndarray
    virtual: np.ndarray
    balancer: np.ndarray

    def take(self, numbers: np.ndarray) -> Places:
        return Places(*(column[numbers] for column in self))

    @staticmethod
    def choose(condition: np.ndarray, these: Places, those: Places) -> Places:
        return Places(*(np.where(condition, a, b) for a, b in zip(these, those, strict=True)))


class Words:
    """Words as small numbers from 1; 0 is the empty one."""

    def __init__(self) -> None:
        self.codes = {"": UNSAID}

    def code(self, word: str) -> int:
        return self.codes.setdefault(word, len(self.codes))

    def list(self) -> list[str]:
        return list(self.codes)


class Gazetteer:
    """One version of the network, by address.

    external_snat: pods' IPv4 packets leave the VPC from the pods' own subnets. By default the VPC
    CNI plugin sends them out by the node's first interface, so that its subnet's routes apply.
    https://docs.aws.amazon.com/eks/latest/userguide/external-snat.html
    """

    def __init__(self, network: Network, external_snat: bool = False) -> None:
        self.network = network
        self.regions, self.zone_ids, self.zone_names = Words(), Words(), Words()
        self.vpcs = _vpcs(network)
        self.subnets = sorted(network.subnets, key=lambda subnet: subnet.vpc != network.vpc)
        self._external_snat = external_snat
        self._name_of = {zone.id: zone.name for zone in network.zones}
        self._id_of = {zone.name: zone.id for zone in network.zones}
        numbers = {vpc.id: number for number, vpc in enumerate(self.vpcs)}
        self._subnet_vpc = _column(numbers.get(subnet.vpc, NONE) for subnet in self.subnets)
        zones = [self.zone(subnet.zone, subnet.zone_id) for subnet in self.subnets]
        self.subnet_zone_id = _column((zone[0] for zone in zones), UNSAID)
        self.subnet_zone_name = _column((zone[1] for zone in zones), UNSAID)
        self._vpc_region = _column((self.regions.code(vpc.region) for vpc in self.vpcs), UNSAID)
        self.vpc_ours = np.array(
            [vpc.account == network.account or not vpc.account for vpc in self.vpcs] + [True]
        )
        self._by_subnet = Prefixes((c, n) for n, s in enumerate(self.subnets) for c in s.cidrs)
        self._by_vpc = Prefixes((c, n) for n, vpc in enumerate(self.vpcs) for c in vpc.cidrs)
        self._by_interface = Prefixes(
            (ip_network(address), number)
            for number, endpoint in enumerate(network.endpoints)
            for interface in endpoint.interfaces
            for address in interface.addresses
        )
        self._by_balancer = Prefixes(
            (ip_network(address), 0)
            for balancer in network.load_balancers
            if balancer.type in {BalancerType.APPLICATION, BalancerType.CLASSIC}
            for interface in balancer.interfaces
            for address in interface.addresses
        )
        self._sites = Prefixes((cidr, 0) for cidr in network.on_prem)

    def zone(self, name: str, number: str) -> tuple[int, int]:
        """Codes of a zone's id and name, each told by the other if need be."""
        number = number or self._id_of.get(name, "")
        name = name or self._name_of.get(number, "")
        return self.zone_ids.code(number), self.zone_names.code(name)

    def locate(self, ends: Ends) -> Places:
        address = ends.addresses.view("S16")
        kind = np.array([KINDS[end.kind] for end in ends.alike], np.uint8)[ends.of]
        subnet = self._subnet(address, ends)
        own_vpc = self._by_vpc.lookup(address)
        vpc = np.where(subnet != NONE, self._subnet_vpc[subnet], own_vpc)
        named = [self.zone(end.zone, end.zone_id) for end in ends.alike]
        zones = np.array(named, np.int32).reshape(-1, 2)[ends.of]
        said = zones.any(axis=1)
        region = np.array([self.regions.code(end.region) for end in ends.alike], np.int32)[ends.of]
        return Places(
            address,
            self._site(kind, address),
            np.array([_service(end.service) for end in ends.alike], np.uint8)[ends.of],
            subnet,
            vpc,
            np.where(said, zones[:, 0], self.subnet_zone_id[subnet]),
            np.where(said, zones[:, 1], self.subnet_zone_name[subnet]),
            np.where(region != UNSAID, region, self._vpc_region[vpc]),
            self._by_interface.lookup(address),
            (own_vpc == NONE) & ((kind == Kind.POD) | (kind == Kind.SERVICE)),
            self._by_balancer.lookup(address) != NONE,
        )

    def _subnet(self, address: np.ndarray, ends: Ends) -> np.ndarray:
        """Where an endpoint's packets set out from."""
        own = self._by_subnet.lookup(address)
        if self._external_snat:
            return own
        hosts = np.array([end.host for end in ends.alike], "S16")
        host = np.where(hosts == b"", NONE, self._by_subnet.lookup(hosts))[ends.of]
        translated = np.char.startswith(address, MAPPED) & (host != NONE)
        return np.where(translated, host, own)

    def _site(self, kind: np.ndarray, address: np.ndarray) -> np.ndarray:
        """Once the site's ranges are listed, no other range is the site's."""
        if not self.network.on_prem:
            return kind
        listed = self._sites.lookup(address) != NONE
        unlisted = np.where(kind == Kind.ON_PREM, Kind.UNKNOWN, kind)
        outside = (kind != Kind.POD) & (kind != Kind.NODE)
        return np.where(listed & outside, Kind.ON_PREM, unlisted).astype(np.uint8)


def _vpcs(network: Network) -> list[Vpc]:
    """The account's VPCs, the cluster's first, then those that are known by a peering only."""
    own = sorted(network.vpcs, key=lambda vpc: vpc.id != network.vpc)
    peers = [side for peering in network.peerings for side in (peering.requester, peering.accepter)]
    known = {vpc.id for vpc in own}
    return own + list({peer.id: peer for peer in peers if peer.id not in known}.values())


def _service(name: str) -> int:
    if name.upper().startswith("CLOUDFRONT"):
        return Service.CLOUDFRONT
    return Service.EC2 if name.upper() == "EC2" else Service.OTHER


def _column(values: Iterable[int], none: int = NONE) -> np.ndarray:
    """With one entry more, which index NONE finds."""
    return np.array([*values, none], np.int32)
