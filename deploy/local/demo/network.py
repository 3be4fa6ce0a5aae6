"""The account's network that the shop would stand in, as `flowatlas network` prints it.

Each node has a subnet and a zone of its own. Those of node-a and node-c reach S3 by a gateway
endpoint; that of node-b was forgotten, so what runs there goes through the NAT gateway in node-a's
zone, as all traffic to DynamoDB and to the internet does. The site hangs on Direct Connect.

Another account shares the subnets of a VPC with this one, which a transit gateway leads to. EC2
tells the subnets, and not the interface endpoints that the other account has put into them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

from deploy.local.demo.model import Shop
from deploy.local.demo.shop import REGION
from stream.network.model import (
    Attachment,
    EndpointType,
    NatGateway,
    Network,
    Route,
    RouteTable,
    Subnet,
    Target,
    Vpc,
    VpcEndpoint,
    Zone,
)

ACCOUNT, VPC = "111122223333", "vpc-0demo"
COLLECTED = "2026-01-05T08:00:00+00:00"
CIDRS = ("10.0.0.0/16", "fd00:10::/32")
SITE = "192.168.0.0/16"
SHARED_ACCOUNT, SHARED_VPC, SHARED = "444455556666", "vpc-0shared", "10.8.0.0/16"
TRANSIT = "tgw-0demo"
NAT, ENDPOINT = "nat-0demo", "vpce-0s3demo"
FORGOTTEN = "node-b"


def network(shop: Shop, ip_ranges: Path) -> Network:
    """The same in every run. ip_ranges: an ip-ranges.json that tells S3's addresses."""
    first = shop.nodes[0]
    own = [
        Subnet(
            f"subnet-{node.name}",
            VPC,
            node.zone,
            node.zone_id,
            (ip_network(node.subnet), ip_network(node.subnet6)),
            "rtb-forgotten" if node.name == FORGOTTEN else "rtb-private",
        )
        for node in shop.nodes
    ]
    public, shared = (ip_network("10.0.100.0/24"),), (ip_network("10.8.1.0/24"),)
    return Network(
        account=ACCOUNT,
        region=REGION,
        collected=COLLECTED,
        vpc=VPC,
        zones=tuple(Zone(node.zone, node.zone_id) for node in shop.nodes),
        vpcs=(
            Vpc(VPC, REGION, ACCOUNT, tuple(ip_network(cidr) for cidr in CIDRS)),
            Vpc(SHARED_VPC, REGION, SHARED_ACCOUNT, (ip_network(SHARED),)),
        ),
        subnets=(
            *own,
            Subnet("subnet-public", VPC, first.zone, first.zone_id, public, "rtb-public"),
            Subnet("subnet-shared", SHARED_VPC, first.zone, first.zone_id, shared, "rtb-shared"),
        ),
        route_tables=_tables(_of_s3(ip_ranges)),
        nat_gateways=(NatGateway(NAT, VPC, "subnet-public", (ip_address("10.0.100.5"),)),),
        attachments=tuple(
            Attachment(f"tgw-attach-{vpc}", TRANSIT, "vpc", vpc) for vpc in (VPC, SHARED_VPC)
        ),
        endpoints=(VpcEndpoint(ENDPOINT, VPC, EndpointType.GATEWAY, f"com.amazonaws.{REGION}.s3"),),
    )


def _tables(s3: Sequence[str]) -> tuple[RouteTable, ...]:
    local = tuple(_route(Target.LOCAL, cidr) for cidr in CIDRS)
    private = (
        *local,
        _route(Target.NAT_GATEWAY, "0.0.0.0/0", gateway=NAT),
        _route(Target.EGRESS_ONLY_GATEWAY, "::/0", gateway="eigw-0demo"),
        _route(Target.VIRTUAL_PRIVATE_GATEWAY, SITE, gateway="vgw-0demo"),
        _route(Target.TRANSIT_GATEWAY, SHARED, gateway=TRANSIT),
    )
    back = _route(Target.TRANSIT_GATEWAY, CIDRS[0], gateway=TRANSIT)
    endpoint = _route(Target.GATEWAY_ENDPOINT, *s3, gateway=ENDPOINT)
    outside = _route(Target.INTERNET_GATEWAY, "0.0.0.0/0", gateway="igw-0demo")
    return (
        RouteTable("rtb-private", VPC, (*private, endpoint)),
        RouteTable("rtb-forgotten", VPC, private),
        RouteTable("rtb-public", VPC, (*local, outside)),
        RouteTable("rtb-shared", SHARED_VPC, (_route(Target.LOCAL, SHARED), back)),
    )


def _route(target: Target, *cidrs: str, gateway: str = "") -> Route:
    prefix_list = "pl-63a5400a" if target is Target.GATEWAY_ENDPOINT else ""
    return Route(tuple(ip_network(cidr) for cidr in cidrs), target, gateway, prefix_list)


def _of_s3(ip_ranges: Path) -> list[str]:
    prefixes = json.loads(ip_ranges.read_bytes())["prefixes"]
    return [
        entry["ip_prefix"]
        for entry in prefixes
        if entry["service"] == "S3" and entry["region"] == REGION
    ]
