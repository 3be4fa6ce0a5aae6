"""Settings of the stream: flags, FLOWATLAS_STREAM_* or section [stream] of the settings file."""

from __future__ import annotations

from dataclasses import dataclass, field

import typed_settings as ts

from agent.wire import FLOWS_TOPIC
from sql.settings import ClickHouse, loaders, setting

LOADERS = loaders("stream")


@dataclass(frozen=True)
class Settings:
    kafka: str = setting("127.0.0.1:9092", "Kafka's bootstrap servers, host:port, by commas.")
    topic: str = setting(FLOWS_TOPIC, "Topic of the agents' batches.")
    dead_letter_topic: str = setting("flows.dead", "Topic for messages that cannot be decoded.")
    dead_letters_per_minute: int = setting(100, "Beyond this many the worker stops and says so.")
    group: str = setting(
        "flowatlas-stream", "Consumer group; workers of one group share the topic."
    )
    session_seconds: float = setting(
        10.0, "Silence after which Kafka gives a dead worker's partitions to another."
    )
    cluster: str = setting("default", "Name of the Kubernetes cluster, a column of every row.")
    inventory_topic: str = setting(
        "inventory",
        "Topic that `flowatlas inventory` keeps as the cluster is; empty: pods and Services stay "
        "unknown.",
    )
    inventory_wait_seconds: float = setting(
        60.0, "Longest that the start waits for that topic to be read."
    )
    inventory: str = setting(
        "",
        "Instead of the topic, for trying out: a file printed by `kubectl get "
        "nodes,pods,services,endpointslices -A -o json`, followed as it changes.",
    )
    inventory_hours: float = setting(
        6.0, "How long a pod that is gone is kept, for rows that come late, about 1 kB each."
    )
    ip_ranges: str = setting(
        "",
        "File ip-ranges.json of AWS, followed as it changes; auto, or a URL: fetched every hour; "
        "empty: AWS counts as internet.",
    )
    cache: str = setting("~/.cache/flowatlas", "Directory for the copy of what is fetched.")
    on_prem: str = setting(
        "",
        "The site's own networks in CIDR notation, by commas; other private ones are on_prem too.",
    )
    network: str = setting(
        "",
        "File printed by `flowatlas network`, or a directory of such files, one a version of the "
        "network; followed as it changes. Empty: paths are told by zones and regions only.",
    )
    external_snat: bool = setting(
        False, "Pods leave the VPC from their own subnets, as AWS_VPC_K8S_CNI_EXTERNALSNAT has it."
    )
    prices: str = setting(
        "",
        "File of prices over AWS's list prices, or 'off' where there is no bill, as outside AWS.",
    )
    names_topic: str = setting(
        "names", "Topic of the agents' DNS answers; empty: addresses go without names."
    )
    names_hours: float = setting(1.0, "How far back answers are read at the start.")
    names_entries: int = setting(1_500_000, "Answers that are kept, about 100 bytes each.")
    names_wait_seconds: float = setting(
        30.0, "Longest that the start waits for the answers of the past to be read."
    )
    labels: str = setting("", "Labels of pods that go into the tables, by commas.")
    window_seconds: int = setting(10, "Length of the windows that rows are added up in.")
    flush_seconds: float = setting(2.0, "Longest that a consumed row waits for its insert.")
    flush_rows: int = setting(
        300_000, "Flow rows of a partition, by their size, that are inserted without waiting."
    )
    parallel_inserts: int = setting(2, "Ranges inserted at once, each of another partition.")
    drain_seconds: float = setting(20.0, "Longest that stopping waits for ClickHouse.")
    refresh_seconds: float = setting(2.0, "How often inventory and IP ranges are looked at.")
    metrics_host: str = setting("127.0.0.1", "Address to serve Prometheus metrics on.")
    metrics_port: int = setting(9103, "Port to serve Prometheus metrics on.")
    clickhouse: ClickHouse = field(default_factory=ClickHouse)


def load() -> Settings:
    """The settings without a command line, as `faust -A stream.app worker` has them."""
    return ts.load_settings(Settings, LOADERS)
