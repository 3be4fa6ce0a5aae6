"""The demo's story holds together before anything is built from it."""

import ipaddress
import json
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from deploy.local.demo import cluster_ip
from deploy.local.demo.cluster import dnsmasq_configuration
from deploy.local.demo.model import Service
from deploy.local.demo.places import places
from deploy.local.demo.programs import PACKAGES
from deploy.local.demo.shop import REGION, SHOP

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address_of(host: str) -> Address:
    (address,) = (h.addresses[0] for h in SHOP.hosts if h.name == host)
    return ipaddress.ip_address(address)


def ip_ranges() -> Iterator[tuple[Network, dict[str, str]]]:
    published = json.loads(files("deploy.local.demo").joinpath("ip_ranges.json").read_text())
    for prefix in published["prefixes"]:
        yield ipaddress.ip_network(prefix["ip_prefix"]), prefix
    for prefix in published["ipv6_prefixes"]:
        yield ipaddress.ip_network(prefix["ipv6_prefix"]), prefix


def test_there_are_three_nodes_in_three_zones_and_a_dozen_pods() -> None:
    assert len({(node.zone, node.zone_id) for node in SHOP.nodes}) == 3
    assert len(SHOP.pods) >= 12
    assert {pod.node.name for pod in SHOP.pods} == {node.name for node in SHOP.nodes}


def test_no_address_is_used_twice() -> None:
    addresses = [
        *(address for place in places(SHOP) for address in place.addresses),
        *(address for service in SHOP.services for address in service.addresses),
        *SHOP.switched_off,
    ]
    assert len(addresses) == len(set(addresses))


def test_no_name_is_used_twice() -> None:
    names = [place.name for place in places(SHOP)]
    cgroups = [container.cgroup for place in places(SHOP) for container in place.containers]
    assert len(names) == len(set(names))
    assert len(cgroups) == len(set(cgroups))


@pytest.mark.parametrize("service", SHOP.services, ids=lambda service: service.name)
def test_every_service_has_backends(service: Service) -> None:
    assert SHOP.pods_of(service.workload)


def test_a_service_with_several_backends_spans_zones() -> None:
    zones = [{pod.node.zone for pod in SHOP.pods_of(s.workload)} for s in SHOP.services]
    assert any(len(of_service) > 1 for of_service in zones)


def test_every_name_that_a_program_uses_is_in_dns() -> None:
    known = re.findall(r"^host-record=([^,]+),", dnsmasq_configuration(SHOP), re.MULTILINE)
    short = {name.split(".")[0] for name in known}
    for place in places(SHOP):
        for container in place.containers:
            command = " ".join(container.program.command)
            for name in re.findall(r"(?:http://|-h )([a-z][a-z0-9.-]*)", command):
                assert name in known or name in short, (place.name, name)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("s3-media", "S3"),
        ("s3-media-ipv6", "S3"),
        ("s3-reports", "S3"),
        ("dynamodb", "DYNAMODB"),
        ("card-processor", None),
        ("tracker", None),
    ],
)
def test_outside_hosts_have_the_addresses_of_what_they_stand_for(
    host: str, service: str | None
) -> None:
    address = address_of(host)
    assert address.is_global
    services = {p["service"] for network, p in ip_ranges() if address in network}
    assert services == ({"AMAZON", service} if service else set())


def test_the_excerpt_has_the_form_of_the_published_file() -> None:
    published = json.loads(files("deploy.local.demo").joinpath("ip_ranges.json").read_text())
    assert set(published) == {"syncToken", "createDate", "prefixes", "ipv6_prefixes"}
    for _, prefix in ip_ranges():
        assert prefix["region"] == REGION
        assert set(prefix) - {"ip_prefix", "ipv6_prefix"} == {
            "region",
            "service",
            "network_border_group",
        }


def test_sqs_has_an_address_that_no_list_knows() -> None:
    address = address_of("sqs")
    assert address.is_private
    assert not any(address in network for network, _ in ip_ranges())
    assert not any(address in ipaddress.ip_network(node.subnet) for node in SHOP.nodes)


def test_on_premises_is_private_and_outside_the_cluster() -> None:
    ledger = address_of("ledger")
    assert ledger.is_private
    assert not any(ledger in ipaddress.ip_network(node.subnet) for node in SHOP.nodes)


def test_every_cluster_ip_and_port_leads_to_all_its_backends() -> None:
    rules = cluster_ip.service_rules(SHOP)
    for service in SHOP.services:
        for port in service.ports:
            matching = [
                line
                for line in rules.splitlines()
                if f" {service.addresses[0]} {port.protocol.lower()} dport {port.port} " in line
            ]
            assert len(matching) == 1
            assert matching[0].endswith(f": {port.target}")
            for pod in SHOP.pods_of(service.workload):
                assert f": {pod.addresses[0]}" in matching[0]


def test_every_program_has_a_package() -> None:
    programs = [c.program for place in places(SHOP) for c in place.containers]
    servers = {program.command[0] for program in programs if program.port}
    assert servers <= PACKAGES.keys()
