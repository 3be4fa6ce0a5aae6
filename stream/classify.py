"""What an address outside the cluster is: an AWS service, the site's own, the internet, or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stream.addresses import bounds
from stream.errors import MalformedFileError

ORIGIN = "`curl -O https://ip-ranges.amazonaws.com/ip-ranges.json`"


class Class(NamedTuple):
    """What is known of an address by its prefix. kind "local" stays within its node."""

    kind: str
    service: str = ""
    region: str = ""
    method: str = "none"


class Prefix(NamedTuple):
    network: str
    owner: Class


UNKNOWN = Class("unknown")
INTERNET = Class("internet", method="public_range")
LOCAL = Class("local", method="host_ip")
ON_PREM = Class("on_prem", method="private_range")

# IANA's special-purpose registries (RFC 6890); private ranges that Kubernetes does not know are
# the site's own. Documentation ranges are left public: nobody routes them, testbeds use them.
SPECIAL: tuple[Prefix, ...] = (
    Prefix("0.0.0.0/0", INTERNET),
    Prefix("2000::/3", INTERNET),
    Prefix("64:ff9b::/96", INTERNET),
    *(Prefix(network, LOCAL) for network in ("127.0.0.0/8", "169.254.0.0/16", "::1", "fe80::/10")),
    *(
        Prefix(network, ON_PREM)
        for network in (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
        )
    ),
    *(Prefix(network, UNKNOWN) for network in ("0.0.0.0/8", "224.0.0.0/3", "ff00::/8")),
)


@dataclass(frozen=True)
class Classifier:
    """Disjoint intervals: from `starts[i]` to the next start, addresses are `owners[i]`.

    A start is 16 bytes in NumPy's S16, which compares as unsigned bytes do: one table holds both
    address families.
    """

    starts: np.ndarray
    owners: Sequence[Class]

    def classify(self, addresses: Sequence[bytes]) -> list[Class]:
        """Packed addresses to their classes, in order."""
        found = np.searchsorted(self.starts, np.array(addresses, "S16"), side="right") - 1
        return [self.owners[i] for i in found.tolist()]


def aws_prefixes(path: Path) -> list[Prefix]:
    """The prefixes of AWS's ip-ranges.json. Raises MalformedFileError."""
    try:
        document = json.loads(path.read_bytes())
        return [
            Prefix(entry[key], Class("aws_service", entry["service"], entry["region"], "ip_ranges"))
            for family, key in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix"))
            for entry in document[family]
            if ip_network(entry[key])
        ]
    except OSError as error:
        raise MalformedFileError(path, str(error.strerror), ORIGIN) from error
    except KeyError as error:
        raise MalformedFileError(path, f"field {error.args[0]!r} is missing", ORIGIN) from error
    except (ValueError, TypeError) as error:
        raise MalformedFileError(path, f"is not AWS's list of ranges ({error})", ORIGIN) from error


def rank(owner: Class, length: int) -> tuple[int, int, str]:
    """Which of several prefixes over an address says most of it: the highest.

    AMAZON repeats all the others and EC2 is also the ground that other services stand on, so both
    yield to a named service, however long their prefix; then the longest prefix tells.
    """
    generic = {"": 0, "AMAZON": 1, "EC2": 2}
    return generic.get(owner.service, 3), length, owner.service


def flatten(prefixes: Iterable[Prefix]) -> Classifier:
    """The intervals on which the best prefix (by rank) does not change.

    Networks are nested or disjoint, so one sweep over their starts with a stack of the open ones
    visits every change.
    """
    spans = []
    for prefix in prefixes:
        network = ip_network(prefix.network)
        first, last = bounds(network)
        spans.append((first, -last, rank(prefix.owner, network.prefixlen), prefix.owner))
    starts, owners = [0], [UNKNOWN]
    open_spans: list[tuple[int, tuple[int, int, str], Class]] = []

    def change(at: int) -> None:
        best = max(open_spans, key=lambda span: span[1])[2] if open_spans else UNKNOWN
        if starts[-1] == at:
            owners[-1] = best
        elif owners[-1] != best:
            starts.append(at)
            owners.append(best)

    def close_until(limit: int) -> None:
        while open_spans and open_spans[-1][0] < limit:
            last = open_spans.pop()[0]
            change(last + 1)

    for first, negative_last, weight, owner in sorted(spans):
        close_until(first)
        open_spans.append((-negative_last, weight, owner))
        change(first)
    close_until(1 << 128)
    kept = [start for start in starts if start < 1 << 128]
    return Classifier(np.array([start.to_bytes(16) for start in kept], "S16"), owners[: len(kept)])
