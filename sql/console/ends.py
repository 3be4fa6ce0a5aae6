"""The ids of ends, and what they say; queries/id_*.sql make the same."""

from __future__ import annotations

from typing import Literal, NamedTuple

Grain = Literal["namespace", "workload", "pod"]
"""What is one node of the map."""
OTHERS = "others"
IN_CLUSTER = {"workload", "pod", "service"}
"""Ids of these are like kind:namespace/name; where there are several clusters, their namespaces and
nodes are like cluster/namespace and cluster/node."""


class Told(NamedTuple):
    """What columns tell of an end; pod and node only where ends are pods. `place` is the cluster
    with a slash where there are several."""

    place: str
    kind: str
    namespace: str
    workload: str
    service: str
    dns_name: str
    pod: str = ""
    node: str = ""

    def id(self, grain: Grain) -> str:
        """Its id on the map of this grain."""
        kind, place, namespace, name = self.kind, self.place, self.namespace, self.service
        match kind:
            case "pod" | "service" if grain == "namespace":
                inside = namespace if kind == "pod" else name.partition("/")[0]
                found = f"namespace:{place}{inside}"
            case "pod" if self.pod:
                found = f"pod:{place}{namespace}/{self.pod}"
            case "pod":
                found = f"workload:{place}{namespace}/{self.workload}"
            case "service":
                found = f"service:{place}{name}"
            case "node":
                found = f"node:{place}{self.node}"
            case "aws_service":
                found = f"aws_service:{name}"
            case _:
                found = f"{kind}:{self.dns_name or name}"
        return found


class End(NamedTuple):
    """`kind` is as in ClickHouse, or others."""

    kind: str
    namespace: str
    name: str


def parse(end: str) -> End:
    """What an id stands for; of one without a name, its kind is the name."""
    word, _, rest = end.partition(":")
    if word in IN_CLUSTER:
        namespace, _, name = rest.rpartition("/")
        return End("service" if word == "service" else "pod", namespace, name)
    if word == "namespace":
        return End("pod", rest, rest)
    if word == OTHERS:
        return End(word, rest, f"others in {rest}" if rest else OTHERS)
    return End(word, "", rest if rest and not rest.endswith("/") else f"{rest}{word}")


def others(end: str) -> str:
    """What an end is folded into."""
    word, _, rest = end.partition(":")
    namespace = rest.rpartition("/")[0] if word in IN_CLUSTER else ""
    return f"{OTHERS}:{namespace}"


def grain_of(*ends: str) -> Grain:
    """The map on which these ids are, the one of workloads if they are on all."""
    words = {end.partition(":")[0] for end in ends}
    if "pod" in words or any(
        end.startswith("node:") and not end.endswith((":", "/")) for end in ends
    ):
        return "pod"
    return "namespace" if "namespace" in words else "workload"


def kinds_of(end: str) -> list[str]:
    """The kinds in ClickHouse that an end of this id may have."""
    word = end.partition(":")[0]
    return {"namespace": ["pod", "service"], "workload": ["pod"]}.get(word, [word])


def namespaces_of(end: str) -> list[str]:
    """The namespaces in ClickHouse that an end of this id may have: a Service's is not always told,
    and what is outside of the cluster has none."""
    return sorted({"", parse(end).namespace.rpartition("/")[2]})


def sides(client: str, server: str) -> dict[str, list[str]]:
    """What queries/panel.sql looks at before ids, of which each row's has to be made first."""
    return {
        "client_kinds": kinds_of(client),
        "client_namespaces": namespaces_of(client),
        "server_kinds": kinds_of(server),
        "server_namespaces": namespaces_of(server),
    }
