"""Settings of the watcher: flags, FLOWATLAS_INVENTORY_* or section [inventory] of the file."""

from __future__ import annotations

from dataclasses import dataclass

from sql.settings import loaders, setting

LOADERS = loaders("inventory")


@dataclass(frozen=True)
class Settings:
    kafka: str = setting("127.0.0.1:9092", "Kafka's bootstrap servers, host:port, by commas.")
    topic: str = setting("inventory", "Compacted topic that the records go to.")
    kubeconfig: str = setting(
        "", "File that says how to reach the API; empty: the pod's own token, else as kubectl does."
    )
    context: str = setting("", "Context of that file; empty: its current one.")
    file: str = setting(
        "",
        "Instead of the API, for trying out: a file printed by `kubectl get nodes,pods,services,"
        "endpointslices -A -o json`, followed as it changes. What is not in it is gone.",
    )
    labels: str = setting(
        "app.kubernetes.io/name,app.kubernetes.io/part-of",
        "Labels of pods, nodes, Services and namespaces that are published, by commas.",
    )
    retention_hours: float = setting(
        73.0, "How long objects that are gone are kept: longer than topic `flows` keeps flows."
    )
    network_file: str = setting(
        "", "File of the account's network, published as it changes; empty: none."
    )
    network_minutes: float = setting(10.0, "How often the account's network is read anew.")
    patience_seconds: float = setting(60.0, "Longest that the API may not answer at the start.")
    metrics_host: str = setting("127.0.0.1", "Address to serve metrics and health on.")
    metrics_port: int = setting(9104, "Port to serve metrics and health on.")
