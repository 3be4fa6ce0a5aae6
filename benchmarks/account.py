"""The network of the made-up cluster's account: a subnet a node, S3 by an endpoint in two zones."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

from benchmarks.cluster import ZONES, Cluster
from stream.network import file
from stream.network.model import (
    EndpointType,
    NatGateway,
    Network,
    Route,
    RouteTable,
    Subnet,
    Target,
    Vpc,
    VpcEndpoint,
)

ACCOUNT, REGION, VPC = "111122223333", "us-east-1", "vpc-bench"
CIDRS = tuple(map(ip_network, ("10.0.0.0/8", "192.168.0.0/16")))
S3 = (ip_network("52.216.0.0/15"),)


def write(cluster: Cluster, path: Path) -> None:
    pods = [
        Subnet(
            f"subnet-{node}",
            VPC,
            ZONES[node % len(ZONES)],
            f"use1-az{node % len(ZONES) + 1}",
            (ip_network((10 << 24 | node << 8, 24)),),
            f"rtb-{node % len(ZONES)}",
        )
        for node in range(cluster.nodes)
    ]
    local = tuple(Route((cidr,), Target.LOCAL) for cidr in CIDRS)
    outside = Route((ip_network("0.0.0.0/0"),), Target.NAT_GATEWAY, "nat-bench")
    endpoint = Route(S3, Target.GATEWAY_ENDPOINT, "vpce-s3", "pl-63a5400a")
    tables = [
        RouteTable(f"rtb-{zone}", VPC, (*local, outside, *((endpoint,) if zone else ())))
        for zone in range(len(ZONES))
    ]
    network = Network(
        account=ACCOUNT,
        region=REGION,
        vpc=VPC,
        vpcs=(Vpc(VPC, REGION, ACCOUNT, CIDRS),),
        subnets=tuple(pods),
        route_tables=tuple(tables),
        nat_gateways=(NatGateway("nat-bench", VPC, "subnet-0"),),
        endpoints=(
            VpcEndpoint("vpce-s3", VPC, EndpointType.GATEWAY, f"com.amazonaws.{REGION}.s3"),
        ),
    )
    path.write_text(file.dump(network))
