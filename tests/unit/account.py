"""An account to send traffic through: one VPC with a cluster, and everything a VPC is tied to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from stream.network.model import (
    Attachment,
    BalancerType,
    EndpointType,
    Interface,
    LoadBalancer,
    NatGateway,
    Network,
    Peering,
    Route,
    RouteTable,
    Subnet,
    Target,
    Vpc,
    VpcEndpoint,
    Zone,
)

OURS, THEIRS = "111122223333", "444455556666"
EAST, WEST = "us-east-1", "us-west-2"
S3 = ("52.216.0.0/15", "3.5.0.0/19")


def vpc(name: str, *cidrs: str, region: str = EAST, account: str = OURS) -> Vpc:
    return Vpc(name, region, account, tuple(ip_network(cidr) for cidr in cidrs))


def subnet(name: str, of: str, zone: int, table: str, *cidrs: str) -> Subnet:
    letter = "abc"[zone - 1]
    ranges = tuple(ip_network(cidr) for cidr in cidrs)
    return Subnet(name, of, f"{EAST}{letter}", f"use1-az{zone}", ranges, table)


def route(to: str | tuple[str, ...], target: Target, gateway: str = "") -> Route:
    several = (to,) if isinstance(to, str) else to
    name = "" if isinstance(to, str) else "pl-63a5400a"
    return Route(tuple(ip_network(cidr) for cidr in several), target, gateway, name)


SHOP = vpc("vpc-shop", "10.0.0.0/16", "2600:1f18:1::/56")
DATA = vpc("vpc-data", "10.1.0.0/16")
PARTNER = vpc("vpc-partner", "10.2.0.0/16", account=THEIRS)
WESTERN = vpc("vpc-west", "10.3.0.0/16", region=WEST)
HUB = vpc("vpc-hub", "10.4.0.0/16")

LOCAL = (
    route("10.0.0.0/16", Target.LOCAL),
    route("2600:1f18:1::/56", Target.LOCAL),
)
ELSEWHERE = (
    route("10.1.0.0/16", Target.PEERING, "pcx-data"),
    route("10.2.0.0/16", Target.PEERING, "pcx-partner"),
    route("10.3.0.0/16", Target.PEERING, "pcx-west"),
    route("10.4.0.0/16", Target.TRANSIT_GATEWAY, "tgw-1"),
    route("10.5.0.0/16", Target.TRANSIT_GATEWAY, "tgw-1"),
    route("192.168.0.0/16", Target.TRANSIT_GATEWAY, "tgw-1"),
    route("192.168.9.0/24", Target.VIRTUAL_PRIVATE_GATEWAY, "vgw-1"),
    route("192.168.10.0/24", Target.BLACKHOLE),
    route("192.168.11.0/24", Target.OTHER, "eni-appliance"),
    route("::/0", Target.EGRESS_ONLY_GATEWAY, "eigw-1"),
)

NETWORK = Network(
    account=OURS,
    region=EAST,
    collected="2026-01-01T00:00:00+00:00",
    vpc="vpc-shop",
    zones=tuple(Zone(f"{EAST}{letter}", f"use1-az{n}") for n, letter in enumerate("abc", 1)),
    vpcs=(SHOP, DATA, HUB),
    subnets=(
        subnet("private-1", "vpc-shop", 1, "with-endpoint", "10.0.0.0/20", "2600:1f18:1::/64"),
        subnet("private-2", "vpc-shop", 2, "without", "10.0.16.0/20", "2600:1f18:1:1::/64"),
        subnet("private-3", "vpc-shop", 3, "regional", "10.0.32.0/20"),
        subnet("isolated", "vpc-shop", 1, "isolated", "10.0.48.0/20"),
        subnet("public-1", "vpc-shop", 1, "public", "10.0.128.0/20"),
        subnet("data-1", "vpc-data", 1, "data", "10.1.0.0/20"),
        subnet("data-2", "vpc-data", 2, "data", "10.1.16.0/20"),
        subnet("hub-2", "vpc-hub", 2, "hub", "10.4.0.0/20"),
    ),
    route_tables=(
        RouteTable(
            "with-endpoint",
            "vpc-shop",
            (
                *LOCAL,
                *ELSEWHERE,
                route(S3, Target.GATEWAY_ENDPOINT, "vpce-s3"),
                route("0.0.0.0/0", Target.NAT_GATEWAY, "nat-1"),
            ),
        ),
        RouteTable(
            "without",
            "vpc-shop",
            (*LOCAL, *ELSEWHERE, route("0.0.0.0/0", Target.NAT_GATEWAY, "nat-1")),
        ),
        RouteTable(
            "regional",
            "vpc-shop",
            (*LOCAL, route("0.0.0.0/0", Target.NAT_GATEWAY, "nat-regional")),
        ),
        RouteTable("isolated", "vpc-shop", LOCAL),
        RouteTable(
            "public",
            "vpc-shop",
            (
                *LOCAL,
                *ELSEWHERE,
                route("0.0.0.0/0", Target.INTERNET_GATEWAY, "igw-1"),
            ),
        ),
        RouteTable(
            "data",
            "vpc-data",
            (
                route("10.1.0.0/16", Target.LOCAL),
                route("10.0.0.0/16", Target.PEERING, "pcx-data"),
            ),
        ),
        RouteTable(
            "hub",
            "vpc-hub",
            (
                route("10.4.0.0/16", Target.LOCAL),
                route("10.0.0.0/16", Target.TRANSIT_GATEWAY, "tgw-1"),
            ),
        ),
    ),
    nat_gateways=(
        NatGateway("nat-1", "vpc-shop", "public-1", (ip_address("10.0.128.4"),)),
        NatGateway("nat-regional", "vpc-shop", ""),
    ),
    endpoints=(
        VpcEndpoint("vpce-s3", "vpc-shop", EndpointType.GATEWAY, f"com.amazonaws.{EAST}.s3"),
        VpcEndpoint(
            "vpce-sqs",
            "vpc-shop",
            EndpointType.INTERFACE,
            f"com.amazonaws.{EAST}.sqs",
            (Interface("private-1", (ip_address("10.0.0.99"),)),),
            True,
        ),
        VpcEndpoint(
            "vpce-west",
            "vpc-shop",
            EndpointType.INTERFACE,
            f"com.amazonaws.{WEST}.s3",
            (Interface("private-1", (ip_address("10.0.0.98"),)),),
        ),
        VpcEndpoint(
            "vpce-hub",
            "vpc-hub",
            EndpointType.INTERFACE,
            f"com.amazonaws.{EAST}.kms",
            (Interface("hub-2", (ip_address("10.4.0.99"),)),),
        ),
    ),
    load_balancers=(
        LoadBalancer(
            "app/shop/1",
            "vpc-shop",
            BalancerType.APPLICATION,
            (Interface("private-2", (ip_address("10.0.19.1"),)),),
        ),
        LoadBalancer(
            "net/shop/1",
            "vpc-shop",
            BalancerType.NETWORK,
            (Interface("private-2", (ip_address("10.0.19.2"),)),),
        ),
    ),
    peerings=(
        Peering("pcx-data", SHOP, DATA),
        Peering("pcx-partner", SHOP, PARTNER),
        Peering("pcx-west", WESTERN, SHOP),
    ),
    attachments=(
        Attachment("att-1", "tgw-1", "vpc", "vpc-shop"),
        Attachment("att-2", "tgw-1", "vpc", "vpc-hub"),
        Attachment("att-3", "tgw-1", "direct-connect-gateway", "dx-1"),
    ),
    on_prem=(ip_network("192.168.0.0/16"), ip_network("198.51.100.0/24")),
)
