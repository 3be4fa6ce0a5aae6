"""What AWS bills for a conversation, by example: one row a case, in us-east-1 unless it says so.

Prices: 0.01 USD/GB across zones at each end · 0.045 NAT · 0.01 interface endpoint · 0.02 transit
gateway · 0.09 internet · 0.02 to other regions and by Direct Connect.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pytest

from stream.addresses import pack
from stream.network.model import Network
from stream.paths import Path, Router
from stream.places import End, Ends, Gazetteer
from stream.price import charge, rates, settled
from stream.price_book import builtin
from tests.unit.account import NETWORK

GB = 2**30


def end(address: str, kind: str, zone: int = 0, *, host: str = "", **said: str) -> End:
    name = f"us-east-1{'abc'[zone - 1]}" if zone else ""
    return End(pack(address), kind, name, host=pack(host) if host else b"", **said)


def aws(address: str, service: str, region: str = "us-east-1") -> End:
    return end(address, "aws_service", service=service, region=region)


ENDS = {
    # Pods by the zone of their subnet; zone 1 has a gateway endpoint for S3, zone 2 has not, and
    # the only zonal NAT gateway stands in zone 1.
    "pod in 1": end("10.0.0.10", "pod", 1),
    "pod also in 1": end("10.0.1.10", "pod", 1),
    "pod in 2": end("10.0.16.10", "pod", 2),
    "pod in 3": end("10.0.32.10", "pod", 3),
    "hostNetwork pod in 2": end("10.0.16.2", "pod", 2),
    "node in 1": end("10.0.0.2", "node", 1),
    "pod on a public node": end("10.0.128.10", "pod", 1),
    "public node in 1": end("10.0.128.2", "node", 1),
    "its elastic address": end("54.0.0.7", "node", 1),
    "pod of an isolated subnet": end("10.0.48.10", "pod", 1),
    "overlay pod in 1": end("172.30.1.1", "pod", 1, host="10.0.0.2"),
    "overlay pod in 2": end("172.30.2.1", "pod", 2, host="10.0.16.2"),
    "pod in 1, IPv6": end("2600:1f18:1::10", "pod", 1),
    "pod in 2, IPv6": end("2600:1f18:1:1::10", "pod", 2),
    "ClusterIP with all backends in 2": end("172.20.0.1", "service", 2),
    "ClusterIP with backends all over": end("172.20.0.2", "service"),
    "ALB in 2": end("10.0.19.1", "on_prem"),
    "NLB in 2": end("10.0.19.2", "on_prem"),
    "VM in 2 without agent": end("10.0.17.1", "on_prem"),
    # AWS services
    "RDS in 2": aws("10.0.18.1", "rds"),
    "S3": aws("52.216.1.1", "S3"),
    "S3 in us-west-2": aws("52.92.0.1", "S3", "us-west-2"),
    "S3 in us-east-2": aws("52.219.80.1", "S3", "us-east-2"),
    "DynamoDB": aws("52.94.0.1", "DYNAMODB"),
    "SQS, public": aws("3.80.0.1", "sqs"),
    "SQS by its endpoint in 1": aws("10.0.0.99", "sqs"),
    "KMS by the hub's endpoint": aws("10.4.0.99", "kms"),
    "S3 in us-west-2 by an endpoint": aws("10.0.0.98", "s3", "us-west-2"),
    "somebody's EC2 instance": aws("54.1.2.3", "EC2"),
    "CloudFront": aws("13.32.0.1", "CLOUDFRONT", "GLOBAL"),
    "Global Accelerator": aws("75.2.0.1", "GLOBALACCELERATOR", "GLOBAL"),
    "S3, IPv6": aws("2600:1fa0:8000::1", "S3"),
    # The rest of the world
    "internet": end("93.184.216.34", "internet"),
    "internet, IPv6": end("2a00:1450::1", "internet"),
    "site by transit gateway": end("192.168.1.1", "on_prem"),
    "site by virtual private gateway": end("192.168.9.1", "on_prem"),
    "site behind a blackhole": end("192.168.10.1", "on_prem"),
    "site behind an appliance": end("192.168.11.1", "on_prem"),
    "site's public address": end("198.51.100.1", "internet"),
    "peered VM in 1": end("10.1.0.10", "on_prem"),
    "peered VM in 2": end("10.1.16.10", "on_prem"),
    "partner's VM": end("10.2.0.10", "on_prem"),
    "partner's VM, zone known": end("10.2.0.11", "on_prem", zone_id="use1-az2"),
    "peered VM in us-west-2": end("10.3.0.10", "on_prem"),
    "hub VM in 2": end("10.4.0.10", "on_prem"),
    "VM of a VPC nobody listed": end("10.5.0.10", "on_prem"),
    "multicast": end("224.0.0.251", "unknown"),
}

CASES = """
client | server | GB to server | GB to client | who reports | path | USD
# Within the VPC: nothing within a zone; across zones 0.01 out of one end and 0.01 into the other
pod in 1 | pod also in 1 | 10 | 10 | both | same_zone | 0
pod in 1 | pod in 2 | 1 | 0 | both | cross_zone | 0.02
pod in 1 | pod in 2 | 0 | 1 | both | cross_zone | 0.02
pod in 1 | pod in 2 | 10 | 90 | both | cross_zone | 2.00
pod in 1 | pod in 2 | 10 | 90 | client | cross_zone | 2.00
pod in 1 | pod in 2 | 10 | 90 | server | cross_zone | 2.00
pod in 1 | hostNetwork pod in 2 | 5 | 5 | both | cross_zone | 0.20
hostNetwork pod in 2 | node in 1 | 5 | 5 | both | cross_zone | 0.20
pod in 1 | node in 1 | 5 | 5 | both | same_zone | 0
pod in 1 | ClusterIP with all backends in 2 | 3 | 7 | client | cross_zone | 0.20
pod in 2 | ClusterIP with all backends in 2 | 3 | 7 | client | same_zone | 0
pod in 2 | ClusterIP with backends all over | 3 | 7 | client | unknown | 0
pod in 1 | VM in 2 without agent | 1 | 4 | client | cross_zone | 0.10
VM in 2 without agent | pod in 1 | 1 | 4 | server | cross_zone | 0.10
overlay pod in 1 | overlay pod in 2 | 1 | 1 | both | cross_zone | 0.04
pod in 1, IPv6 | pod in 2, IPv6 | 1 | 1 | both | cross_zone | 0.04
# Managed instances in the VPC: only the end on EC2 pays
pod in 1 | RDS in 2 | 2 | 8 | client | cross_zone | 0.10
pod in 2 | RDS in 2 | 2 | 8 | client | same_zone | 0
# Load balancers: application and classic ones cost nothing from zone to zone
ALB in 2 | pod in 1 | 5 | 50 | server | cross_zone | 0
pod in 1 | ALB in 2 | 5 | 50 | client | cross_zone | 0
NLB in 2 | pod in 1 | 5 | 5 | server | cross_zone | 0.20
# S3 and DynamoDB
pod in 1 | S3 | 100 | 100 | client | gateway_endpoint | 0
pod in 1 | DynamoDB | 1 | 1 | client | nat>aws_public | 0.09
pod in 2 | S3 | 100 | 0 | client | nat>aws_public | 6.50
pod in 2 | S3 | 0 | 100 | client | nat>aws_public | 6.50
pod in 3 | S3 | 100 | 100 | client | nat>aws_public | 9.00
overlay pod in 2 | S3 | 100 | 0 | client | nat>aws_public | 6.50
overlay pod in 1 | S3 | 100 | 0 | client | gateway_endpoint | 0
pod on a public node | S3 | 100 | 100 | client | aws_public | 0
pod on a public node | S3 in us-west-2 | 10 | 0 | client | cross_region | 0.20
pod on a public node | S3 in us-west-2 | 0 | 10 | client | cross_region | 0.20
pod on a public node | S3 in us-east-2 | 10 | 10 | client | cross_region | 0.20
pod in 1 | S3 in us-west-2 | 10 | 0 | client | nat>cross_region | 0.65
pod in 1, IPv6 | S3, IPv6 | 10 | 10 | client | aws_public | 0
# Other AWS services
pod in 1 | SQS by its endpoint in 1 | 3 | 2 | client | interface_endpoint | 0.05
pod in 2 | SQS by its endpoint in 1 | 3 | 2 | client | interface_endpoint | 0.05
pod in 1 | SQS, public | 3 | 2 | client | nat>aws_public | 0.225
pod on a public node | SQS, public | 3 | 2 | client | aws_public | 0
pod in 1 | KMS by the hub's endpoint | 1 | 1 | client | interface_endpoint | 0.06
pod in 1 | S3 in us-west-2 by an endpoint | 10 | 5 | client | interface_endpoint | 0.35
pod on a public node | CloudFront | 5 | 50 | client | aws_public | 0
pod in 1 | CloudFront | 5 | 50 | client | nat>aws_public | 2.475
pod on a public node | Global Accelerator | 5 | 5 | client | aws_public | 0
# Public addresses within the region: 0.01 each direction, whatever the zone
pod on a public node | somebody's EC2 instance | 4 | 6 | client | aws_public | 0.10
pod in 1 | somebody's EC2 instance | 4 | 6 | client | nat>aws_public | 0.55
pod on a public node | its elastic address | 1 | 1 | both | aws_public | 0.04
its elastic address | pod in 1 | 1 | 1 | both | aws_public | 0.04
# Internet: only what goes out
pod on a public node | internet | 10 | 1000 | client | internet | 0.90
internet | pod on a public node | 1000 | 10 | server | internet | 0.90
internet | pod in 1 | 1000 | 10 | server | internet | 0.90
pod in 1 | internet | 10 | 0 | client | nat>internet | 1.35
pod in 1 | internet | 0 | 10 | client | nat>internet | 0.45
pod in 2 | internet | 10 | 0 | client | nat>internet | 1.55
pod in 2 | internet | 0 | 10 | client | nat>internet | 0.65
pod in 3 | internet | 10 | 0 | client | nat>internet | 1.35
pod in 1, IPv6 | internet, IPv6 | 10 | 10 | client | internet | 0.90
pod of an isolated subnet | internet | 10 | 10 | client | unknown | 0
# Other VPCs
pod in 1 | peered VM in 1 | 10 | 10 | client | same_zone | 0
pod in 1 | peered VM in 2 | 10 | 0 | client | cross_zone | 0.20
peered VM in 2 | pod in 1 | 10 | 0 | server | cross_zone | 0.20
pod in 1 | partner's VM | 10 | 0 | client | unknown | 0
pod in 1 | partner's VM, zone known | 10 | 5 | client | cross_zone | 0.15
pod in 1 | peered VM in us-west-2 | 10 | 0 | client | cross_region | 0.20
pod in 1 | peered VM in us-west-2 | 0 | 10 | client | cross_region | 0.20
pod in 1 | hub VM in 2 | 10 | 5 | client | cross_zone | 0.30
pod in 2 | hub VM in 2 | 10 | 5 | client | same_zone | 0.30
pod in 1 | VM of a VPC nobody listed | 10 | 0 | client | unknown | 0.20
# The site
pod in 1 | site by virtual private gateway | 10 | 10 | client | on_prem | 0.20
pod in 1 | site by transit gateway | 10 | 0 | client | on_prem | 0.40
site by transit gateway | pod in 1 | 10 | 0 | server | on_prem | 0.20
pod on a public node | site's public address | 10 | 10 | client | on_prem | 0.90
pod in 1 | site behind a blackhole | 10 | 10 | client | unknown | 0
pod in 1 | site behind an appliance | 10 | 10 | client | unknown | 0
pod in 1 | multicast | 1 | 0 | client | nat>unknown | 0.045
"""

WITHOUT_NETWORK = """
client | server | GB to server | GB to client | who reports | path | USD
# What the cluster knows by itself: zones and regions of its nodes, and what an address is
pod in 1 | pod in 2 | 10 | 90 | both | cross_zone | 2.00
pod in 1 | pod also in 1 | 10 | 90 | both | same_zone | 0
pod in 1 | ClusterIP with all backends in 2 | 10 | 90 | client | cross_zone | 2.00
pod in 1 | S3 | 10 | 10 | client | unknown | 0
pod in 1 | internet | 10 | 10 | client | internet | 0.90
pod in 1 | site by transit gateway | 10 | 10 | client | on_prem | 0.20
"""


class Case(NamedTuple):
    client: str
    server: str
    to_server: float
    to_client: float
    reports: str
    path: str
    usd: float


def cases(table: str) -> list[Case]:
    lines = [line for line in table.strip().splitlines()[1:] if not line.startswith("#")]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [Case(r[0], r[1], float(r[2]), float(r[3]), r[4], r[5], float(r[6])) for r in rows]


def priced(network: Network, case: Case) -> tuple[str, float]:
    """Path and USD, summed over the reports that there are."""
    gazetteer = Gazetteer(network)
    router = Router(gazetteer)
    client, server = (
        gazetteer.locate(Ends.each([ENDS[end]])) for end in (case.client, case.server)
    )
    paths = router.paths(client, server)
    tariff = rates(paths, gazetteer.regions.list(), builtin().at(date(2026, 1, 1)))
    both = case.reports == "both"
    by_client = np.array([True, False] if both else [case.reports == "client"])
    count = len(by_client)
    charges = charge(
        tariff,
        np.zeros(count, np.int64),
        by_client,
        np.full(count, int(case.to_server * GB)),
        np.full(count, int(case.to_client * GB)),
    )
    total = settled(charges, np.full(count, both)).sum() / 1e12
    path, behind = (Path(column[0]).name.lower() for column in (paths.path, paths.behind))
    return path if path == behind else f"{path}>{behind}", total


def named(case: Case) -> str:
    return f"{case.client} -> {case.server} {case.to_server:g}/{case.to_client:g} {case.reports}"


@pytest.mark.parametrize("case", cases(CASES), ids=named)
def test_costs_what_aws_bills(case: Case) -> None:
    path, usd = priced(NETWORK, case)
    assert path == case.path
    assert usd == pytest.approx(case.usd, abs=1e-9)


@pytest.mark.parametrize("case", cases(WITHOUT_NETWORK), ids=named)
def test_costs_what_is_certain_where_no_network_is_given(case: Case) -> None:
    path, usd = priced(Network(), case)
    assert path == case.path
    assert usd == pytest.approx(case.usd, abs=1e-9)
