"""The account's network, read from an EC2 API that nobody here wrote: moto's server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from stream.addresses import pack
from stream.errors import NetworkUnreadableError
from stream.network import ec2, file
from stream.network.__main__ import command
from stream.network.model import BalancerType, EndpointType, Network, Target
from stream.paths import Path as PathClass
from stream.paths import Router
from stream.places import End, Ends, Gazetteer

REGION = "us-east-1"
POLICY = Path(__file__).parents[2] / "deploy" / "aws" / "network-reader.json"


@pytest.fixture(scope="module")
def credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="module")
def url(credentials: None) -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Account:
    """What a test made in the account, by name."""

    def __init__(self, url: str) -> None:
        self.client: Any = boto3.client("ec2", region_name=REGION, endpoint_url=url)
        self.ids: dict[str, str] = {}

    def make(self) -> None:
        ec2, ids = self.client, self.ids
        ids["vpc"] = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        ids["other"] = ec2.create_vpc(CidrBlock="10.21.0.0/16")["Vpc"]["VpcId"]
        ec2.associate_vpc_cidr_block(VpcId=ids["vpc"], CidrBlock="100.64.0.0/16")
        for name, cidr, zone in (
            ("private", "10.20.0.0/24", "us-east-1a"),
            ("pods", "100.64.0.0/24", "us-east-1b"),
            ("public", "10.20.1.0/24", "us-east-1a"),
        ):
            subnet = ec2.create_subnet(VpcId=ids["vpc"], CidrBlock=cidr, AvailabilityZone=zone)
            ids[name] = subnet["Subnet"]["SubnetId"]
        self._gateways()
        self._routes()

    def _gateways(self) -> None:
        ec2, ids = self.client, self.ids
        igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=ids["vpc"])
        ids["igw"] = igw
        allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=ids["public"], AllocationId=allocation)
        ids["nat"] = nat["NatGateway"]["NatGatewayId"]
        peering = ec2.create_vpc_peering_connection(VpcId=ids["vpc"], PeerVpcId=ids["other"])
        ids["peering"] = peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=ids["peering"])
        transit = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
        ids["transit"] = transit
        ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=transit, VpcId=ids["vpc"], SubnetIds=[ids["private"]]
        )
        egress = ec2.create_egress_only_internet_gateway(VpcId=ids["vpc"])
        egress = egress["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
        ids["egress"] = egress

        ec2.create_network_interface(SubnetId=ids["private"], Description="ELB app/shop/0a1b")
        ec2.create_network_interface(SubnetId=ids["private"], Description="somebody's")

    def _routes(self) -> None:
        ec2, ids = self.client, self.ids
        for name, subnets in (("private", ("private", "pods")), ("public", ("public",))):
            table = ec2.create_route_table(VpcId=ids["vpc"])["RouteTable"]["RouteTableId"]
            ids[f"{name} table"] = table
            for subnet in subnets:
                ec2.associate_route_table(RouteTableId=table, SubnetId=ids[subnet])
        public, private = ids["public table"], ids["private table"]
        anywhere = "0.0.0.0/0"
        listed = ec2.create_managed_prefix_list(
            PrefixListName="site",
            AddressFamily="IPv4",
            MaxEntries=5,
            Entries=[{"Cidr": "192.168.0.0/24"}, {"Cidr": "192.168.1.0/24"}],
        )["PrefixList"]["PrefixListId"]
        for table, route in (
            (public, {"DestinationCidrBlock": anywhere, "GatewayId": ids["igw"]}),
            (private, {"DestinationCidrBlock": anywhere, "NatGatewayId": ids["nat"]}),
            (
                private,
                {
                    "DestinationCidrBlock": "10.21.0.0/16",
                    "VpcPeeringConnectionId": ids["peering"],
                },
            ),
            (private, {"DestinationPrefixListId": listed, "TransitGatewayId": ids["transit"]}),
            (
                private,
                {
                    "DestinationIpv6CidrBlock": "::/0",
                    "EgressOnlyInternetGatewayId": ids["egress"],
                },
            ),
        ):
            ec2.create_route(RouteTableId=table, **route)
        endpoint = ec2.create_vpc_endpoint(
            VpcId=ids["vpc"],
            ServiceName=f"com.amazonaws.{REGION}.sqs",
            VpcEndpointType="Interface",
            SubnetIds=[ids["private"]],
        )
        ids["sqs"] = endpoint["VpcEndpoint"]["VpcEndpointId"]
        endpoint = ec2.create_vpc_endpoint(
            VpcId=ids["vpc"],
            ServiceName=f"com.amazonaws.{REGION}.s3",
            VpcEndpointType="Gateway",
            RouteTableIds=[private],
        )
        ids["s3"] = endpoint["VpcEndpoint"]["VpcEndpointId"]


@pytest.fixture(scope="module")
def account(url: str) -> Account:
    account = Account(url)
    account.make()
    return account


@pytest.fixture(scope="module")
def network(account: Account, url: str) -> Network:
    return ec2.collect(REGION, account.ids["vpc"], url)


def test_tells_what_the_account_has(account: Account, network: Network) -> None:
    ids = account.ids
    assert network.account == "123456789012"
    assert network.vpc == ids["vpc"]
    assert datetime.fromisoformat(network.collected).tzinfo
    assert {zone.name: zone.id for zone in network.zones}["us-east-1a"].startswith("use1-az")
    (vpc,) = (vpc for vpc in network.vpcs if vpc.id == ids["vpc"])
    assert [str(cidr) for cidr in vpc.cidrs] == ["10.20.0.0/16", "100.64.0.0/16"]
    subnets = {subnet.id: subnet for subnet in network.subnets}
    pods = subnets[ids["pods"]]
    assert (pods.vpc, pods.zone, pods.route_table) == (
        ids["vpc"],
        "us-east-1b",
        ids["private table"],
    )
    (nat,) = network.nat_gateways
    assert (nat.id, nat.subnet) == (ids["nat"], ids["public"])
    assert len(nat.addresses) == 2
    (peering,) = network.peerings
    assert [str(cidr) for cidr in peering.accepter.cidrs] == ["10.21.0.0/16"]
    (attachment,) = network.attachments
    assert (attachment.gateway, attachment.type) == (ids["transit"], "vpc")


def test_tells_where_each_route_leads(account: Account, network: Network) -> None:
    ids = account.ids
    (table,) = (table for table in network.route_tables if table.id == ids["private table"])
    found = {(str(r.destinations[0]), r.target, r.gateway) for r in table.routes}
    assert {
        ("10.20.0.0/16", Target.LOCAL, ""),
        ("0.0.0.0/0", Target.NAT_GATEWAY, ids["nat"]),
        ("::/0", Target.EGRESS_ONLY_GATEWAY, ids["egress"]),
        ("10.21.0.0/16", Target.PEERING, ids["peering"]),
        ("192.168.0.0/24", Target.TRANSIT_GATEWAY, ids["transit"]),
    } <= found
    (listed,) = (route for route in table.routes if route.target == Target.TRANSIT_GATEWAY)
    assert listed.prefix_list.startswith("pl-")
    assert [str(cidr) for cidr in listed.destinations] == ["192.168.0.0/24", "192.168.1.0/24"]


def test_a_subnet_without_a_table_has_the_main_one(account: Account, url: str) -> None:
    loose = account.client.create_subnet(VpcId=account.ids["other"], CidrBlock="10.21.0.0/24")
    network = ec2.collect(REGION, account.ids["vpc"], url)
    (subnet,) = (s for s in network.subnets if s.id == loose["Subnet"]["SubnetId"])
    (table,) = (table for table in network.route_tables if table.id == subnet.route_table)
    assert table.vpc == account.ids["other"]


def test_tells_the_endpoints(account: Account, network: Network) -> None:
    found = {endpoint.id: endpoint for endpoint in network.endpoints}
    assert found[account.ids["s3"]].type == EndpointType.GATEWAY
    sqs = found[account.ids["sqs"]]
    assert (sqs.type, sqs.service) == (EndpointType.INTERFACE, f"com.amazonaws.{REGION}.sqs")
    assert sqs.interfaces[0].subnet == account.ids["private"]
    assert sqs.interfaces[0].addresses


def test_knows_load_balancers_by_their_interfaces(account: Account, network: Network) -> None:
    (balancer,) = network.load_balancers
    assert (balancer.id, balancer.type) == ("app/shop/0a1b", BalancerType.APPLICATION)
    assert balancer.interfaces[0].subnet == account.ids["private"]


def test_paths_follow_from_what_was_read(network: Network) -> None:
    gazetteer = Gazetteer(network)
    router = Router(gazetteer)
    pods = gazetteer.locate(Ends.each([End(pack("100.64.0.9"), "pod")] * 2))
    far = gazetteer.locate(
        Ends.each([End(pack("93.184.216.34"), "internet"), End(pack("10.20.0.9"), "pod")])
    )
    found = router.paths(pods, far)
    assert found.path.tolist() == [PathClass.NAT, PathClass.CROSS_ZONE]
    assert found.nat_crosses_zone.tolist() == [True, False]
    assert router.gateways.list()[found.gateway[0]].startswith("nat-")


def test_the_command_prints_a_file_that_can_be_read(
    network: Network, account: Account, url: str, tmp_path: Path
) -> None:
    arguments = ["--region", REGION, "--vpc", account.ids["vpc"], "--endpoint-url", url]
    printed = CliRunner().invoke(command, [*arguments, "--on-prem", "192.168.0.0/16"])
    assert printed.exit_code == 0, printed.output
    path = tmp_path / "network.json"
    path.write_text(printed.stdout)
    read = file.load(path)
    assert [str(cidr) for cidr in read.on_prem] == ["192.168.0.0/16"]
    assert read.vpcs == network.vpcs


def test_an_api_that_refuses_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(NetworkUnreadableError, match=r"credentials.*network-reader\.json"):
        ec2.collect(REGION)


def test_the_policy_permits_what_is_called_and_only_reads(account: Account, url: str) -> None:
    (statement,) = json.loads(POLICY.read_text())["Statement"]
    called: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        everything = ec2.Api.all

        def note(api: ec2.Api, operation: str, key: str, **arguments: Any) -> Any:
            called.add("ec2:" + "".join(part.capitalize() for part in operation.split("_")))
            return everything(api, operation, key, **arguments)

        patch.setattr(ec2.Api, "all", note)
        ec2.collect(REGION, account.ids["vpc"], url)
    assert called == set(statement["Action"])
    assert all(action.startswith(("ec2:Describe", "ec2:Get")) for action in statement["Action"])
