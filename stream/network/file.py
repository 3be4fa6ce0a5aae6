"""The network as a file: where the stream may not ask EC2, or is not in AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from stream import documents
from stream.documents import MisfitError
from stream.errors import MalformedFileError
from stream.network.model import Network

ORIGIN = "`flowatlas network`"


def load(path: Path) -> Network:
    """Raises MalformedFileError, naming the field at fault."""
    network = documents.load(path, Network, ORIGIN)
    try:
        check(network)
    except MisfitError as error:
        raise MalformedFileError(path, str(error), ORIGIN) from error
    return network


def parse(document: bytes) -> Network:
    """Raises ValueError, naming the field at fault."""
    network = documents.read(json.loads(document), Network)
    check(network)
    return network


def dump(network: Network) -> str:
    return json.dumps(documents.write(network), indent=1) + "\n"


def check(network: Network) -> None:
    """Raises MisfitError where an id leads nowhere: a path would silently be unknown by it; and
    where `collected` is no time."""
    try:
        datetime.fromisoformat(network.collected or "1970-01-01")
    except ValueError as error:
        raise MisfitError("collected", f"is not a time: {network.collected!r}") from error
    vpcs = _ids(network.vpcs)
    tables = _ids(network.route_tables)
    subnets = _ids(network.subnets)
    if network.vpc:
        _refer("vpc", network.vpc, vpcs)
    for i, subnet in enumerate(network.subnets):
        _refer(f"subnets[{i}].vpc", subnet.vpc, vpcs)
        _refer(f"subnets[{i}].route_table", subnet.route_table, tables)
    for i, gateway in enumerate(network.nat_gateways):
        if gateway.subnet:
            _refer(f"nat_gateways[{i}].subnet", gateway.subnet, subnets)
    for name in ("endpoints", "load_balancers"):
        for i, owner in enumerate(getattr(network, name)):
            for j, interface in enumerate(owner.interfaces):
                _refer(f"{name}[{i}].interfaces[{j}].subnet", interface.subnet, subnets)


def _ids(things: Iterable[object]) -> set[str]:
    return {getattr(thing, "id") for thing in things}  # noqa: B009


def _refer(path: str, reference: str, known: set[str]) -> None:
    if reference not in known:
        raise MisfitError(path, f"refers to nothing in this file: {reference!r}")
