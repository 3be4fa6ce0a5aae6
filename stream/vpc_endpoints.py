"""Addresses of the account's interface endpoints, and the services that stand behind them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from stream.evidence import Method
from stream.hosts import AMAZON, load
from stream.network.model import EndpointType, Network
from stream.prefixes import Class, Prefix


def prefixes(network: Network) -> Iterator[Prefix]:
    """A prefix for each address."""
    for endpoint in network.endpoints:
        if endpoint.type != EndpointType.INTERFACE:
            continue
        owner = service(endpoint.service, network.region)
        for interface in endpoint.interfaces:
            for address in interface.addresses:
                yield Prefix(str(ip_network(address)), owner)


def service(name: str, region: str) -> Class:
    """By the name of an endpoint's service, which is its host name the other way round, as in
    com.amazonaws.us-east-1.ecr.dkr; `region` is the endpoint's, for names that tell none."""
    host = load()[".".join(reversed(name.split(".")))]
    word = host.service if host else AMAZON
    return Class(
        "aws_service", word, host.region if host and host.region else region, Method.VPC_ENDPOINT
    )
