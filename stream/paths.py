"""The way between two endpoints: what AWS carries it over, and so what it charges for.

The route is looked up in the table of the subnet that the conversation sets out from, by longest
prefix; of a client outside of the account's network, in the server's, for the way back. What a
destination is by itself decides only what stands behind the gateway that the route leads to.
Nothing here runs per pair in Python; route tables are few.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from stream.network.model import Target
from stream.network.prefixes import NONE, Prefixes
from stream.places import UNSAID, Gazetteer, Kind, Places, Service, Words


class Path(IntEnum):
    """As tables have it. Peerings and transit gateways are same_zone or cross_zone, too."""

    UNKNOWN = 0
    SAME_ZONE = 1
    CROSS_ZONE = 2
    CROSS_REGION = 3
    NAT = 4
    GATEWAY_ENDPOINT = 5
    INTERFACE_ENDPOINT = 6
    AWS_PUBLIC = 7
    INTERNET = 8
    ON_PREM = 9


class Transfer(IntEnum):
    """What AWS charges for the way from end to end; gateways on the way charge beside that."""

    UNPRICED = 0
    FREE = 1
    ZONE = 2
    PUBLIC_ADDRESS = 3
    REGION = 4
    INTERFACE_ENDPOINT = 5
    INTERNET = 6
    ON_PREM = 7


class Paths(NamedTuple):
    """A column each, an entry a pair.

    near: the end in the account's network by whose routes the path goes, the client if it may be.
    behind: of a NAT path, the class of what lies behind the gateway; else the same as path.
    gateway: code in Router.gateways of the NAT gateway, endpoint, peering … on the way.
    *_billed: whether that end's own charges are on this account's bill.
    """

    path: np.ndarray
    behind: np.ndarray
    transfer: np.ndarray
    nat: np.ndarray
    nat_crosses_zone: np.ndarray
    transit: np.ndarray
    gateway: np.ndarray
    near_is_client: np.ndarray
    near_region: np.ndarray
    far_region: np.ndarray
    near_billed: np.ndarray
    far_billed: np.ndarray


TARGETS = list(Target)
NO_ROUTE = len(TARGETS)
SITE_ATTACHMENTS = {"vpn", "direct-connect-gateway", "connect"}
OF_ZONES = np.array([Transfer.UNPRICED, Transfer.FREE, Transfer.ZONE], np.uint8)
"""The transfer of UNKNOWN, SAME_ZONE, CROSS_ZONE."""


def _code(target: Target) -> int:
    return TARGETS.index(target)


INTERNET_BOUND = [_code(Target.INTERNET_GATEWAY), _code(Target.EGRESS_ONLY_GATEWAY)]


class Router:
    """Paths by one version of the network; a new version takes a new router.

    service_transfer_billed: what AWS services in other regions send is on this account's bill, as
    it is if their resources (buckets, queues) are the account's own.
    """

    def __init__(self, gazetteer: Gazetteer, service_transfer_billed: bool = True) -> None:
        network = gazetteer.network
        self.gateways = Words()
        self._gazetteer = gazetteer
        self._service_transfer_billed = service_transfer_billed
        routes = [route for table in network.route_tables for route in table.routes]
        self._target = np.array([*(_code(route.target) for route in routes), NO_ROUTE], np.uint8)
        self._gateway = np.array([*(self.gateways.code(r.gateway) for r in routes), UNSAID])
        self._tables: list[Prefixes] = []
        first = 0
        for table in network.route_tables:
            numbered = enumerate(table.routes, first)
            self._tables.append(Prefixes((c, n) for n, r in numbered for c in r.destinations))
            first += len(table.routes)
        numbers = {table.id: number for number, table in enumerate(network.route_tables)}
        tables = [numbers.get(subnet.route_table, NONE) for subnet in gazetteer.subnets]
        self._table = np.array([*tables, NONE], np.int32)
        subnets = {subnet.id: number for number, subnet in enumerate(gazetteer.subnets)}
        nats = {gateway.id: subnets.get(gateway.subnet, NONE) for gateway in network.nat_gateways}
        by_gateway = [nats.get(word, NONE) for word in self.gateways.list()]
        self._nat_subnet = np.array(by_gateway, np.int32)
        endpoints = [self.gateways.code(endpoint.id) for endpoint in network.endpoints]
        self._endpoint = np.array([*endpoints, UNSAID])
        region = [endpoint.service.split(".")[2:3] for endpoint in network.endpoints]
        known = {network.region, *(vpc.region for vpc in network.vpcs)}
        self._endpoint_region = np.array(
            [gazetteer.regions.code(r[0]) if r and _region(r[0], known) else UNSAID for r in region]
            + [UNSAID]
        )
        sited = {a.gateway for a in network.attachments if a.type in SITE_ATTACHMENTS}
        attached = {attachment.gateway for attachment in network.attachments}
        self._reaches_sites = np.array(
            [word in sited or word not in attached for word in self.gateways.list()]
        )

    def paths(self, client: Places, server: Places) -> Paths:
        """The paths of pairs of as many clients and servers."""
        near_is_client = _nearness(client) >= _nearness(server)
        near = Places.choose(near_is_client, client, server)
        far = Places.choose(near_is_client, server, client)
        target, gateway = self._route(near.subnet, far.address)
        translated = target == _code(Target.NAT_GATEWAY)
        nat = translated & near_is_client & ~far.virtual
        beyond, _ = self._route(self._nat_subnet[np.where(nat, gateway, UNSAID)], far.address)
        # A NAT gateway lets nobody in, and one without a subnet has the internet behind it.
        igw = _code(Target.INTERNET_GATEWAY)
        outgoing = np.where(nat, np.where(beyond == NO_ROUTE, igw, beyond), igw)
        target = np.where(translated, outgoing, target)
        path, transfer = self._classify(near, far, target, gateway)
        transit = (target == _code(Target.TRANSIT_GATEWAY)) & ~far.virtual
        used = np.where(far.virtual | (translated & ~nat), UNSAID, gateway)
        managed = transfer == Transfer.ZONE
        ours = self._gazetteer.vpc_ours
        serves_other_region = (far.kind == Kind.AWS_SERVICE) & (transfer == Transfer.REGION)
        return Paths(
            np.where(nat, Path.NAT, path).astype(np.uint8),
            path,
            transfer,
            nat,
            nat & self._nat_crosses_zone(near, gateway),
            transit,
            np.where(far.interface != NONE, self._endpoint[far.interface], used),
            near_is_client,
            near.region,
            self._far_region(near, far),
            ours[near.vpc] & ~(managed & (near.kind == Kind.AWS_SERVICE)),
            ours[far.vpc]
            & ~(managed & (far.kind == Kind.AWS_SERVICE))
            & ((transfer != Transfer.PUBLIC_ADDRESS) | _in_cluster(far))
            & (self._service_transfer_billed | ~serves_other_region),
        )

    def _route(self, subnet: np.ndarray, address: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Target and gateway of the route from each subnet to each address."""
        tables = self._table[subnet]
        route = np.full(len(address), NONE, np.int32)
        for number in np.unique(tables[tables != NONE]):
            rows = np.flatnonzero(tables == number)
            route[rows] = self._tables[number].lookup(address[rows])
        return self._target[route], self._gateway[route]

    def _classify(
        self, near: Places, far: Places, target: np.ndarray, gateway: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Path and transfer, as if there were no NAT gateway."""
        zones = _zones(near, far)
        by_zone = OF_ZONES[zones]
        other_region = (near.region != UNSAID) & (far.region != UNSAID)
        other_region &= near.region != far.region
        outside = ~_in_cluster(far) & (far.vpc == NONE)
        unrouted = near.subnet == NONE
        local = (target == _code(Target.LOCAL)) | far.virtual | (unrouted & ~outside)
        site = (far.kind == Kind.ON_PREM) & outside
        transit = target == _code(Target.TRANSIT_GATEWAY)
        public = np.isin(target, INTERNET_BOUND)
        open_ = public | unrouted
        aws = (far.kind == Kind.AWS_SERVICE) & open_
        home = aws & public & (far.region == near.region) & (far.region != UNSAID)
        rules: list[tuple[np.ndarray, np.ndarray | Path, np.ndarray | Transfer]] = [
            (~_inside(near), Path.UNKNOWN, Transfer.UNPRICED),
            (far.interface != NONE, Path.INTERFACE_ENDPOINT, Transfer.INTERFACE_ENDPOINT),
            # Between these and instances of their VPC nothing is charged, whatever the zones.
            (local & (near.balancer | far.balancer), zones, Transfer.FREE),
            (local & ~other_region, zones, by_zone),
            (local, Path.CROSS_REGION, Transfer.REGION),
            (
                site & transit & self._reaches_sites[gateway],
                Path.ON_PREM,
                Transfer.ON_PREM,
            ),
            (
                (transit | (target == _code(Target.PEERING))) & other_region,
                Path.CROSS_REGION,
                Transfer.REGION,
            ),
            (transit, zones, Transfer.FREE),
            (target == _code(Target.PEERING), zones, by_zone),
            (target == _code(Target.VIRTUAL_PRIVATE_GATEWAY), Path.ON_PREM, Transfer.ON_PREM),
            (target == _code(Target.GATEWAY_ENDPOINT), Path.GATEWAY_ENDPOINT, Transfer.FREE),
            (site & public, Path.ON_PREM, Transfer.INTERNET),
            (site & unrouted, Path.ON_PREM, Transfer.ON_PREM),
            ((far.kind == Kind.INTERNET) & open_, Path.INTERNET, Transfer.INTERNET),
            (_in_cluster(far) & public, Path.AWS_PUBLIC, Transfer.PUBLIC_ADDRESS),
            (aws & public & (far.service == Service.CLOUDFRONT), Path.AWS_PUBLIC, Transfer.FREE),
            (aws & self._elsewhere(near, far), Path.CROSS_REGION, Transfer.REGION),
            (home & (far.service == Service.EC2), Path.AWS_PUBLIC, Transfer.PUBLIC_ADDRESS),
            (home, Path.AWS_PUBLIC, Transfer.FREE),
            (aws & public, Path.AWS_PUBLIC, Transfer.UNPRICED),
        ]
        conditions = [rule[0] for rule in rules]
        path = np.select(conditions, [rule[1] for rule in rules], Path.UNKNOWN)
        transfer = np.select(conditions, [rule[2] for rule in rules], Transfer.UNPRICED)
        return path.astype(np.uint8), transfer.astype(np.uint8)

    def _elsewhere(self, near: Places, far: Places) -> np.ndarray:
        worldwide = self._gazetteer.regions.code("GLOBAL")
        said = (near.region != UNSAID) & (far.region != UNSAID) & (far.region != worldwide)
        elsewhere: np.ndarray = said & (near.region != far.region)
        return elsewhere

    def _far_region(self, near: Places, far: Places) -> np.ndarray:
        """An interface endpoint may lead to its service in another region."""
        behind = np.where(far.interface != NONE, self._endpoint_region[far.interface], far.region)
        return np.where(behind != UNSAID, behind, near.region)

    def _nat_crosses_zone(self, near: Places, gateway: np.ndarray) -> np.ndarray:
        subnet = self._nat_subnet[gateway]
        ids = self._gazetteer.subnet_zone_id[subnet], near.zone_id
        names = self._gazetteer.subnet_zone_name[subnet], near.zone_name
        crosses: np.ndarray = _compare(ids, names) == Path.CROSS_ZONE
        return crosses


def _region(word: str, known: set[str]) -> bool:
    """Whether a part of a service's name is a region: com.amazonaws.vpce.REGION.… has it later."""
    return word in known or word.count("-") >= 2


def _in_cluster(places: Places) -> np.ndarray:
    cluster: np.ndarray = (places.kind >= Kind.POD) & (places.kind <= Kind.SERVICE)
    return cluster


def _inside(places: Places) -> np.ndarray:
    """Whether the account's routes tell where its packets go, or the cluster knows it."""
    inside: np.ndarray = (places.subnet != NONE) | _in_cluster(places)
    return inside


def _zones(one: Places, other: Places) -> np.ndarray:
    return _compare((one.zone_id, other.zone_id), (one.zone_name, other.zone_name))


def _nearness(places: Places) -> np.ndarray:
    """A subnet's routes tell more than the cluster does; what answers only, has none of its own."""
    told = 2 * (places.subnet != NONE) + _in_cluster(places)
    nearness: np.ndarray = told * (places.interface == NONE)
    return nearness


def _compare(
    ids: tuple[np.ndarray, np.ndarray], names: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """SAME_ZONE, CROSS_ZONE, or UNKNOWN: by the zones' ids, or else by their names."""
    by_id = (ids[0] != UNSAID) & (ids[1] != UNSAID)
    by_name = (names[0] != UNSAID) & (names[1] != UNSAID)
    same = np.where(by_id, ids[0] == ids[1], names[0] == names[1])
    found = np.where(same, Path.SAME_ZONE, Path.CROSS_ZONE)
    return np.where(by_id | by_name, found, Path.UNKNOWN).astype(np.uint8)
