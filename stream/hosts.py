"""Host names to AWS services, by the endpoint data that botocore carries for all partitions.

Read at run time from the installed botocore, without importing its client machinery: each service's
rule set says under which labels its API answers, endpoints.json which regions there are.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple


class Host(NamedTuple):
    """What a name says. `service` is ip-ranges.json's code where it has one, else botocore's name
    of the service, in capitals; AMAZON where the name is AWS's and the service is not told.
    `region` is "" where the name does not tell it. vpc_endpoint: the name of an interface
    endpoint, so its address is one of the account's own network.
    """

    service: str
    region: str = ""
    partition: str = "aws"
    vpc_endpoint: bool = False


AMAZON = "AMAZON"
PRIVATELINK = "PRIVATELINK"
"""Somebody's endpoint service, reached through an interface endpoint."""

# Names of resources, which are no API endpoints and so not in botocore's data, by the label that
# stands for the service. Each is as AWS's guide of the service writes its host names.
RESOURCES = {
    "cache": "elasticache",
    "aps-workspaces": "amp",
    "compute": "ec2",
    "compute-1": "ec2",
    "dax-clusters": "dax",
    "ddb": "dynamodb",
    "ec2messages": "ssm",
    "ssmmessages": "ssm",
    "elb": "elb",
    "kafka-serverless": "kafka",
    "lambda-url": "lambda",
    "appsync-api": "appsync",
    "appsync-realtime-api": "appsync",
    "queue": "sqs",
    "aos": "opensearch",
    "memorydb": "memorydb",
}
# Domains of AWS's outside of the partitions' own, each of one service.
DOMAINS = {
    "cloudfront.net": ("CLOUDFRONT", "aws"),
    "cloudfront.cn": ("CLOUDFRONT", "aws-cn"),
    "awsglobalaccelerator.com": ("GLOBALACCELERATOR", "aws"),
    "awsapprunner.com": ("APPRUNNER", "aws"),
    "elasticbeanstalk.com": ("ELASTICBEANSTALK", "aws"),
    "amazoncognito.com": ("COGNITO_IDP", "aws"),
    "amplifyapp.com": ("AMPLIFY", "aws"),
    "ecr.aws": ("ECR_PUBLIC", "aws"),
}
RESOURCE_SUFFIXES = {"on.aws": "aws", "on.amazonwebservices.com.cn": "aws-cn"}
"""Where newer resources have their names: function URLs, OpenSearch domains, Aurora DSQL."""

# One service, one word: ip-ranges.json's code where botocore's name is another, and botocore's
# best known name where several share their endpoints.
WORDS = {
    "apigateway": "API_GATEWAY",
    "apigatewaymanagementapi": "API_GATEWAY",
    "apigatewayv2": "API_GATEWAY",
    "appflow": "AMAZON_APPFLOW",
    "connect": "AMAZON_CONNECT",
    "dsql": "AURORA_DSQL",
    "dynamodbstreams": "DYNAMODB",
    "elbv2": "ELB",
    "es": "OPENSEARCH",
    "ivs": "IVS_LOW_LATENCY",
    "kinesisvideo": "KINESIS_VIDEO_STREAMS",
    "mediapackagev2": "MEDIA_PACKAGE_V2",
    "route53resolver": "ROUTE53_RESOLVER",
    "s3control": "S3",
    "s3outposts": "S3",
    "sesv2": "SES",
}
S3_LABEL = re.compile(r"s3(express)?(-|$)")
"""s3, s3-website, s3-accesspoint, s3-accelerate, s3-control, s3-object-lambda, s3-us-west-2,
s3express-use1-az4, … (Amazon S3's guide)."""

DIRECTIONS = {
    "north": "n",
    "northeast": "ne",
    "east": "e",
    "southeast": "se",
    "south": "s",
    "southwest": "sw",
    "west": "w",
    "northwest": "nw",
    "central": "c",
    "gov": "g",
}
URL = re.compile(r'"https://([a-z0-9.-]+?)(?:-fips)?\.(?:\{Region\}|\{\w+#\w*[sS]uffix\})')
BESIDE = frozenset({"dualstack", "fips", "global", "us-gov", "vpce"})
"""Labels that stand where a region does and tell of no service."""
MOST_LABELS = 3
"""Labels that stand for one service together, as in data.jobs.iot."""


class Hosts:
    """A table of labels; made by load()."""

    def __init__(
        self,
        services: Mapping[str, str],
        regions: Mapping[str, str],
        patterns: Iterable[tuple[str, str]],
        suffixes: Mapping[str, str],
        without_region: Mapping[str, str],
    ) -> None:
        """services: labels ("api.ecr") to a service's word. regions: names to partitions.
        patterns: of regions that botocore does not know yet, with their partitions. suffixes:
        domains to partitions. without_region: whole names that tell no region, to the one they
        are in."""
        self._services = services
        self._regions = regions
        self._codes = {_code(region): region for region in regions}
        self._patterns = [(re.compile(pattern), partition) for pattern, partition in patterns]
        self._suffixes = suffixes
        self._without_region = without_region

    def __getitem__(self, name: str) -> Host | None:
        """What a host name says, in any case; None where it is not AWS's."""
        name = name.lower().rstrip(".")
        labels = name.split(".")
        for start in range(1, len(labels)):
            domain = ".".join(labels[start:])
            if domain in DOMAINS:
                service, partition = DOMAINS[domain]
                return Host(service, self._region(labels[:start])[1], partition)
            if domain in self._suffixes:
                return self._host(name, labels[:start], self._suffixes[domain])
        return None

    def _host(self, name: str, labels: list[str], partition: str) -> Host:
        place, region = self._region(labels)
        last, service = self._service(labels, region)
        if service == "S3" and place < last:
            region = ""  # A bucket's own label, as in us-west-2.s3.amazonaws.com.
        endpoint = labels[-1] == "vpce"
        if endpoint and any(label.startswith("vpce-svc-") for label in labels):
            service = PRIVATELINK
        if not region and "compute-1" in labels:
            region = "us-east-1"
        if not region and service != "S3":
            region = self._without_region.get(name, "")
        return Host(service, region, self._partition(region) or partition, endpoint)

    def _partition(self, region: str) -> str:
        known = (name for pattern, name in self._patterns if pattern.match(region))
        return self._regions.get(region) or next(known, "")

    def _region(self, labels: list[str]) -> tuple[int, str]:
        """Place and name of the last label that tells a region: itself, by its code as in
        `use1.cache`, or behind a dash as in `s3-us-west-2`; -1 where none does."""
        for place in range(len(labels) - 1, -1, -1):
            label = labels[place]
            if label in self._regions or label in self._codes:
                return place, self._codes.get(label, label)
            if label.startswith("s3-"):
                for cut in ("s3-website-", "s3-fips-", "s3-"):
                    if label.removeprefix(cut) in self._regions:
                        return place, label.removeprefix(cut)
            if any(pattern.match(label) for pattern, _ in self._patterns):
                return place, label
        return -1, ""

    def _service(self, labels: list[str], region: str) -> tuple[int, str]:
        """The place of the label that tells the service, and the service's word. It is the last one
        beside the region: what stands further left are resources, which anybody may name."""
        plain = [label.removeprefix("fips-").removesuffix("-fips") for label in labels]
        last = len(plain) - 1
        while last >= 0 and self._codes.get(plain[last], plain[last]) in {region, *BESIDE}:
            last -= 1
        for first in range(max(0, last + 1 - MOST_LABELS), last + 1):
            if word := self._services.get(".".join(plain[first : last + 1])):
                return last, word
        return (last, "S3") if last >= 0 and S3_LABEL.match(plain[last]) else (-1, AMAZON)


@functools.cache
def load() -> Hosts:
    """The table, made once a process from botocore's files in about 0.1 s of CPU. Raises
    ModuleNotFoundError where botocore is not installed."""
    data = files("botocore").joinpath("data")
    endpoints = json.loads(data.joinpath("endpoints.json").read_bytes())["partitions"]
    partitions = json.loads(data.joinpath("partitions.json").read_bytes())["partitions"]
    # Of two partitions under one suffix the first is the commercial one; the region tells.
    suffixes = {**RESOURCE_SUFFIXES}
    for partition in partitions:
        for key in ("dnsSuffix", "dualStackDnsSuffix"):
            suffixes.setdefault(partition["outputs"][key], partition["id"])
    return Hosts(
        services=dict(_services(data)),
        regions={name: part["partition"] for part in endpoints for name in part["regions"]},
        patterns=[(part["regionRegex"], part["partition"]) for part in endpoints],
        suffixes=suffixes,
        without_region={**dict(_global(endpoints)), "queue.amazonaws.com": "us-east-1"},
    )


def _services(data: Traversable) -> Iterator[tuple[str, str]]:
    """Labels and the service they stand for. Where services share labels, the one that is named
    like them has them, then the shortest name."""
    claims: dict[str, set[str]] = {}
    for service in (entry.name for entry in data.iterdir() if entry.is_dir()):
        claims.setdefault(service, set()).add(service)
        for prefix in _prefixes(data.joinpath(service)):
            claims.setdefault(prefix, set()).add(service)
    for labels, services in claims.items():
        best = min(services, key=lambda name: (name != labels, len(name), name))
        yield labels, _word(best)
    for labels, service in RESOURCES.items():
        yield labels, _word(service)


def _prefixes(service: Traversable) -> set[str]:
    """What stands before the region in the rule sets of all versions of a service."""
    found: set[str] = set()
    for version in service.iterdir():
        rules = version.joinpath("endpoint-rule-set-1.json.gz")
        if rules.is_file():
            found.update(URL.findall(gzip.decompress(rules.read_bytes()).decode()))
    return found


def _global(endpoints: Any) -> Iterator[tuple[str, str]]:
    """Hosts without a region in their name, as sts.amazonaws.com, and the region that signs."""
    for partition in endpoints:
        for service in partition["services"].values():
            for endpoint in service.get("endpoints", {}).values():
                hostname = endpoint.get("hostname", "")
                region = endpoint.get("credentialScope", {}).get("region")
                if region and hostname.endswith(partition["dnsSuffix"]) and region not in hostname:
                    yield hostname, region


def _word(service: str) -> str:
    return WORDS.get(service) or service.upper().replace("-", "_")


def _code(region: str) -> str:
    """The short form, as in the names of availability zones' ids: us-east-1 is use1."""
    area, *way, number = region.split("-")
    return area + "".join(DIRECTIONS.get(word, word) for word in way) + number
