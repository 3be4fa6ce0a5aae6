"""How an endpoint was found out, and how far to trust that: the words of the columns `method` and
`confidence`, defined here once."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Method(StrEnum):
    """What told. Later ones are asked where earlier ones do not know."""

    POD_UID = "pod_uid"
    """The reporting socket's cgroup."""
    CONNTRACK = "conntrack"
    """The client's node saw the translation of the address."""
    CLUSTER_IP = "cluster_ip"
    """A Service's frontend; which backend served was not seen."""
    POD_IP = "pod_ip"
    """A pod had the address at the time."""
    HOST_IP = "host_ip"
    """A node's address, or one that stays within the node."""
    VPC_ENDPOINT = "vpc_endpoint"
    """An interface endpoint's address in the account's network."""
    DNS = "dns"
    """A name that the address was given out under."""
    SITE_RANGE = "site_range"
    """A prefix that the user listed as the site's own."""
    IP_RANGES = "ip_ranges"
    """AWS's ip-ranges.json."""
    PRIVATE_RANGE = "private_range"
    """A range that is not routed in the internet."""
    PUBLIC_RANGE = "public_range"
    """Public, and in no list."""
    NONE = "none"


class Confidence(IntEnum):
    """How sure the answer is. Anything but HIGH is a candidate for a second source."""

    NONE = 0
    """Nothing is known."""
    LOW = 1
    """True in general, and saying little of this very address: AWS's, but by EC2 or AMAZON, on
    which everything stands; the name that others were given, and long ago."""
    MEDIUM = 2
    """One of few that it can be: a Service without its backend; a name given to another pod, or one
    whose time is over; a private address of no known network; a public one of no list."""
    HIGH = 3
    """Said of this address, at this time, by who must know."""


USUAL: dict[str, Confidence] = {
    Method.CLUSTER_IP: Confidence.MEDIUM,
    Method.PRIVATE_RANGE: Confidence.MEDIUM,
    Method.PUBLIC_RANGE: Confidence.MEDIUM,
    Method.NONE: Confidence.NONE,
}
"""The confidence that a method gives where it is not HIGH. DNS and ip-ranges say their own."""

WORDS = [value.name.lower() for value in Confidence]
"""Of the column `confidence`, by value."""

GROUND = frozenset({"AMAZON", "EC2"})
"""Codes of ip-ranges.json that name no service: AMAZON repeats all others, and on EC2's addresses
other services stand too."""


def usual(method: str) -> str:
    """The word for the confidence that a method gives."""
    return WORDS[USUAL.get(method, Confidence.HIGH)]


def of_prefix(method: str, service: str) -> Confidence:
    """What an answer by prefix is worth."""
    if method == Method.IP_RANGES and service in GROUND:
        return Confidence.LOW
    return USUAL.get(method, Confidence.HIGH)
