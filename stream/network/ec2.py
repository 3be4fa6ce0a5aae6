"""The network as EC2 describes it: read only, with what deploy/aws/network-reader.json permits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stream.errors import NetworkUnreadableError
from stream.network import model
from stream.network.model import BalancerType, Cidr, Interface, Network, Route, Target, Vpc

# The parameter of a route that names its target, and what it is. A gateway id says its own kind.
TARGETS = (
    ("NatGatewayId", Target.NAT_GATEWAY),
    ("TransitGatewayId", Target.TRANSIT_GATEWAY),
    ("VpcPeeringConnectionId", Target.PEERING),
    ("EgressOnlyInternetGatewayId", Target.EGRESS_ONLY_GATEWAY),
    ("NetworkInterfaceId", Target.OTHER),
    ("InstanceId", Target.OTHER),
    ("LocalGatewayId", Target.OTHER),
    ("CarrierGatewayId", Target.OTHER),
    ("CoreNetworkArn", Target.OTHER),
)
GATEWAYS = {
    "local": Target.LOCAL,
    "igw": Target.INTERNET_GATEWAY,
    "vgw": Target.VIRTUAL_PRIVATE_GATEWAY,
    "vpce": Target.GATEWAY_ENDPOINT,
}
BALANCERS = {
    "app": BalancerType.APPLICATION,
    "net": BalancerType.NETWORK,
    "gwy": BalancerType.GATEWAY,
}
ORIGINS = {"CreateRouteTable": 0, "CreateRoute": 1, "EnableVgwRoutePropagation": 2}
"""Of routes to one destination, the local one wins, then the static, then the propagated one.
https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html"""


def collect(region: str, vpc: str = "", endpoint_url: str | None = None) -> Network:
    """What the credentials of the environment may see of the region; blocks for some seconds.

    vpc: the cluster's; may stay empty where there is only one. Raises NetworkUnreadableError.
    """
    settings = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=10)
    try:
        session = boto3.Session(region_name=region)
        client = session.client("ec2", config=settings, endpoint_url=endpoint_url)
        identity = session.client("sts", config=settings, endpoint_url=endpoint_url)
        return _network(Api(client), region, identity.get_caller_identity()["Account"], vpc)
    except (BotoCoreError, ClientError) as error:
        raise NetworkUnreadableError(region, str(error)) from error


class Api:
    """Whole lists, page by page, of an EC2 client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def all(self, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
        if not self._client.can_paginate(operation):
            return list(getattr(self._client, operation)(**arguments)[key])
        pages = self._client.get_paginator(operation).paginate(**arguments)
        return [item for page in pages for item in page[key]]


def _network(api: Api, region: str, account: str, vpc: str) -> Network:
    vpcs = tuple(_vpc(item, region) for item in api.all("describe_vpcs", "Vpcs"))
    tables = api.all("describe_route_tables", "RouteTables")
    prefix_lists = _prefix_lists(api, tables)
    if not vpc and len(vpcs) == 1:
        vpc = vpcs[0].id
    return Network(
        account=account,
        region=region,
        collected=datetime.now(UTC).isoformat(timespec="seconds"),
        vpc=vpc,
        zones=tuple(
            model.Zone(item["ZoneName"], item["ZoneId"])
            for item in api.all("describe_availability_zones", "AvailabilityZones")
        ),
        vpcs=vpcs,
        subnets=tuple(_subnets(api.all("describe_subnets", "Subnets"), tables)),
        route_tables=tuple(_route_table(table, prefix_lists) for table in tables),
        nat_gateways=tuple(
            _nat_gateway(item)
            for item in api.all("describe_nat_gateways", "NatGateways")
            if item["State"] == "available"
        ),
        endpoints=tuple(_endpoints(api)),
        load_balancers=tuple(_load_balancers(api)),
        peerings=tuple(
            _peering(item, region)
            for item in api.all("describe_vpc_peering_connections", "VpcPeeringConnections")
            if item["Status"]["Code"] == "active"
        ),
        attachments=tuple(
            model.Attachment(
                item["TransitGatewayAttachmentId"],
                item["TransitGatewayId"],
                item["ResourceType"],
                item.get("ResourceId", ""),
            )
            for item in api.all("describe_transit_gateway_attachments", "TransitGatewayAttachments")
        ),
    )


def _vpc(item: Mapping[str, Any], region: str) -> Vpc:
    return Vpc(item["VpcId"], region, item.get("OwnerId", ""), tuple(_cidrs(item)))


def _cidrs(item: Mapping[str, Any]) -> Iterator[Cidr]:
    """The ranges that are in use; a VPC lists its first IPv4 range among the others, too."""
    found = [item["CidrBlock"]] if item.get("CidrBlock") else []
    for family, key in (("", "CidrBlock"), ("Ipv6", "Ipv6CidrBlock")):
        for entry in item.get(f"{family}CidrBlockAssociationSet", ()):
            if entry.get(f"{family}CidrBlockState", {}).get("State") == "associated":
                found.append(entry[key])
    return (ip_network(cidr) for cidr in dict.fromkeys(found))


def _subnets(
    items: Iterable[Mapping[str, Any]], tables: Iterable[Mapping[str, Any]]
) -> Iterator[model.Subnet]:
    explicit: dict[str, str] = {}
    main: dict[str, str] = {}
    for table in tables:
        for association in table["Associations"]:
            if association.get("Main"):
                main[table["VpcId"]] = table["RouteTableId"]
            elif "SubnetId" in association:
                explicit[association["SubnetId"]] = table["RouteTableId"]
    for item in items:
        number, vpc = item["SubnetId"], item["VpcId"]
        yield model.Subnet(
            number,
            vpc,
            item["AvailabilityZone"],
            item.get("AvailabilityZoneId", ""),
            tuple(_cidrs(item)),
            explicit.get(number) or main[vpc],
        )


def _prefix_lists(api: Api, tables: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Cidr, ...]]:
    """Those that routes point to; AWS's own have more entries than anybody else needs."""
    used = {r["DestinationPrefixListId"] for t in tables for r in t["Routes"] if _by_list(r)}
    return {
        number: tuple(
            ip_network(entry["Cidr"])
            for entry in api.all("get_managed_prefix_list_entries", "Entries", PrefixListId=number)
        )
        for number in sorted(used)
    }


def _by_list(route: Mapping[str, Any]) -> bool:
    return "DestinationPrefixListId" in route


def _route_table(
    table: Mapping[str, Any], prefix_lists: Mapping[str, tuple[Cidr, ...]]
) -> model.RouteTable:
    in_order = sorted(table["Routes"], key=lambda route: ORIGINS.get(route.get("Origin", ""), 1))
    routes = tuple(_route(route, prefix_lists) for route in in_order)
    return model.RouteTable(table["RouteTableId"], table["VpcId"], routes)


def _route(item: Mapping[str, Any], prefix_lists: Mapping[str, tuple[Cidr, ...]]) -> Route:
    target, gateway = _target(item)
    if _by_list(item):
        name = item["DestinationPrefixListId"]
        return Route(prefix_lists[name], target, gateway, name)
    cidr = item.get("DestinationCidrBlock") or item["DestinationIpv6CidrBlock"]
    return Route((ip_network(cidr),), target, gateway)


def _target(item: Mapping[str, Any]) -> tuple[Target, str]:
    if item.get("State") == "blackhole":
        return Target.BLACKHOLE, ""
    for key, target in TARGETS:
        if item.get(key):
            return target, item[key]
    gateway = item.get("GatewayId", "")
    return GATEWAYS.get(gateway.split("-")[0], Target.OTHER), "" if gateway == "local" else gateway


def _nat_gateway(item: Mapping[str, Any]) -> model.NatGateway:
    addresses = [
        ip_address(entry[key])
        for entry in item.get("NatGatewayAddresses", ())
        for key in ("PrivateIp", "PublicIp")
        if entry.get(key)
    ]
    return model.NatGateway(
        item["NatGatewayId"], item["VpcId"], item.get("SubnetId", ""), tuple(addresses)
    )


def _endpoints(api: Api) -> Iterator[model.VpcEndpoint]:
    items = [
        item
        for item in api.all("describe_vpc_endpoints", "VpcEndpoints")
        if item["State"].lower() == "available"
        and item["VpcEndpointType"].lower() in set(model.EndpointType)
    ]
    interfaces = _interfaces(api, [n for i in items for n in i.get("NetworkInterfaceIds", ())])
    for item in items:
        yield model.VpcEndpoint(
            item["VpcEndpointId"],
            item["VpcId"],
            model.EndpointType(item["VpcEndpointType"].lower()),
            item["ServiceName"],
            tuple(
                interfaces[number]
                for number in item.get("NetworkInterfaceIds", ())
                if number in interfaces
            ),
            bool(item.get("PrivateDnsEnabled")),
        )


def _interfaces(api: Api, numbers: list[str]) -> dict[str, Interface]:
    """A filter takes 200 values at most."""
    found = {}
    for start in range(0, len(numbers), 200):
        some = {"Name": "network-interface-id", "Values": numbers[start : start + 200]}
        for item in api.all("describe_network_interfaces", "NetworkInterfaces", Filters=[some]):
            found[item["NetworkInterfaceId"]] = _interface(item)
    return found


def _interface(item: Mapping[str, Any]) -> Interface:
    ipv4 = [entry["PrivateIpAddress"] for entry in item.get("PrivateIpAddresses", ())]
    ipv6 = [entry["Ipv6Address"] for entry in item.get("Ipv6Addresses", ())]
    return Interface(item["SubnetId"], tuple(ip_address(text) for text in [*ipv4, *ipv6]))


def _load_balancers(api: Api) -> Iterator[model.LoadBalancer]:
    """By the descriptions of their interfaces, which spares asking two more APIs.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    elastic = {"Name": "description", "Values": ["ELB *"]}
    found: dict[tuple[str, str], list[Interface]] = {}
    for item in api.all("describe_network_interfaces", "NetworkInterfaces", Filters=[elastic]):
        name = item["Description"].removeprefix("ELB ")
        found.setdefault((name, item["VpcId"]), []).append(_interface(item))
    for (name, vpc), interfaces in found.items():
        kind = BALANCERS.get(name.split("/")[0], BalancerType.CLASSIC)
        yield model.LoadBalancer(name, vpc, kind, tuple(interfaces))


def _peering(item: Mapping[str, Any], region: str) -> model.Peering:
    return model.Peering(
        item["VpcPeeringConnectionId"],
        _peer(item["RequesterVpcInfo"], region),
        _peer(item["AccepterVpcInfo"], region),
    )


def _peer(item: Mapping[str, Any], region: str) -> Vpc:
    ipv4 = [entry["CidrBlock"] for entry in item.get("CidrBlockSet", ())]
    ipv6 = [entry["Ipv6CidrBlock"] for entry in item.get("Ipv6CidrBlockSet", ())]
    first = [item["CidrBlock"]] if item.get("CidrBlock") else []
    cidrs = tuple(ip_network(cidr) for cidr in dict.fromkeys([*first, *ipv4, *ipv6]))
    return Vpc(item["VpcId"], item.get("Region") or region, item.get("OwnerId", ""), cidrs)
