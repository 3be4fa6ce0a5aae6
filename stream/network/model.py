"""What decides the way of a packet in an AWS account, as EC2 describes it and no more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Cidr = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class Target(StrEnum):
    """Where a route leads. No price is known for `other`: appliances, Outposts, Cloud WAN."""

    LOCAL = "local"
    INTERNET_GATEWAY = "internet_gateway"
    EGRESS_ONLY_GATEWAY = "egress_only_gateway"
    NAT_GATEWAY = "nat_gateway"
    GATEWAY_ENDPOINT = "gateway_endpoint"
    TRANSIT_GATEWAY = "transit_gateway"
    PEERING = "peering"
    VIRTUAL_PRIVATE_GATEWAY = "virtual_private_gateway"
    BLACKHOLE = "blackhole"
    OTHER = "other"


class EndpointType(StrEnum):
    INTERFACE = "interface"
    GATEWAY = "gateway"


@dataclass(frozen=True)
class Zone:
    """`name` (us-east-1a) means another place in each account, `id` (use1-az1) the same in all."""

    name: str
    id: str


@dataclass(frozen=True)
class Vpc:
    id: str
    region: str
    account: str
    cidrs: tuple[Cidr, ...]


@dataclass(frozen=True)
class Subnet:
    """`route_table` is the one in effect: the VPC's main one where none is associated."""

    id: str
    vpc: str
    zone: str
    zone_id: str
    cidrs: tuple[Cidr, ...]
    route_table: str


@dataclass(frozen=True)
class Route:
    """`destinations` holds one CIDR, or those of a prefix list, which `prefix_list` then names.
    `gateway` is the id of what the target says."""

    destinations: tuple[Cidr, ...]
    target: Target
    gateway: str = ""
    prefix_list: str = ""


@dataclass(frozen=True)
class RouteTable:
    """Of routes to the same destination the first is in effect."""

    id: str
    vpc: str
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class NatGateway:
    """`subnet` is "" for a regional gateway: it serves each zone from within that zone."""

    id: str
    vpc: str
    subnet: str
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class Interface:
    """One network interface of an endpoint or a load balancer."""

    subnet: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class VpcEndpoint:
    """`service` as AWS names it: com.amazonaws.us-east-1.sqs."""

    id: str
    vpc: str
    type: EndpointType
    service: str
    interfaces: tuple[Interface, ...] = ()
    private_dns: bool = False


class BalancerType(StrEnum):
    APPLICATION = "application"
    NETWORK = "network"
    GATEWAY = "gateway"
    CLASSIC = "classic"


@dataclass(frozen=True)
class LoadBalancer:
    id: str
    vpc: str
    type: BalancerType
    interfaces: tuple[Interface, ...]


@dataclass(frozen=True)
class Peering:
    """Both sides in full: the far one is often in another account or region."""

    id: str
    requester: Vpc
    accepter: Vpc


@dataclass(frozen=True)
class Attachment:
    """What hangs on a transit gateway; `type` as EC2 has it: vpc, vpn, direct-connect-gateway…"""

    id: str
    gateway: str
    type: str
    resource: str


@dataclass(frozen=True)
class Network:
    """One account's network in one region, at one time.

    `vpc` is the cluster's, whose ranges win where those of several VPCs overlap. `on_prem`: the
    site's own ranges; empty, they are all private ranges outside of the VPCs.
    """

    account: str = ""
    region: str = ""
    collected: str = ""
    vpc: str = ""
    zones: tuple[Zone, ...] = ()
    vpcs: tuple[Vpc, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    endpoints: tuple[VpcEndpoint, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    peerings: tuple[Peering, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    on_prem: tuple[Cidr, ...] = ()
