"""Settings of the agent: defaults, then file, environment and flags."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typed_settings as ts
from typed_settings.loaders import Loader


def _setting(default: Any, about: str) -> Any:
    return field(default=default, metadata={"typed-settings": {"help": about}})


@dataclass(frozen=True)
class Settings:
    """What one agent watches and where it sends it."""

    kafka: str = _setting("127.0.0.1:9092", "Kafka bootstrap servers, host:port[,host:port…]")
    topic: str = _setting("flows", "topic that the batches go to")
    names: bool = _setting(True, "capture DNS answers: under which names pods got addresses")
    names_topic: str = _setting("names", "topic that the names go to")
    names_answers: int = _setting(2_000, "DNS answers read in one interval at the most")
    node: str = _setting(socket.gethostname(), "name of this node in Kubernetes")
    cgroup: str = _setting("", "cgroup v2 directory to watch, empty: the whole node")
    pins: str = _setting(
        "/sys/fs/bpf/flowatlas",
        "directory where the programs stay while no agent runs, empty: they end with the agent",
    )
    network_namespace: str = _setting(
        "", "namespace of this node's conntrack and interfaces: name or path, empty: the agent's"
    )
    interval: float = _setting(5.0, "seconds that one flow row covers at the most")
    ring_bytes: int = _setting(8 << 20, "size of the kernel's ring buffer, a power of two")
    batch_rows: int = _setting(50_000, "rows in one Kafka message at the most")
    metrics_host: str = _setting("127.0.0.1", "address to serve metrics on")
    metrics_port: int = _setting(9101, "port to serve metrics on, 0: any free one")
    metrics_pods: int = _setting(500, "pods with metrics of their own, the others share one")
    kafka_timeout: float = _setting(10.0, "seconds to wait for Kafka at the end")
    spool_directory: str = _setting(
        "", "where batches stay until Kafka has them, empty: /var/lib/flowatlas/spool/<node>"
    )
    spool_bytes: int = _setting(256 << 20, "bytes on disk that may wait for Kafka")
    queue_bytes: int = _setting(8 << 20, "bytes in memory handed to the Kafka client at once")
    pending_records: int = _setting(
        50_000, "records held in memory until they are aggregated, 350 bytes each"
    )

    def __post_init__(self) -> None:
        if not 0.1 <= self.interval <= 300:
            raise ValueError(f"interval must be 0.1 to 300 seconds, not {self.interval}")
        pages = self.ring_bytes // 4096
        if pages < 1 or self.ring_bytes % 4096 or pages & (pages - 1):
            raise ValueError(f"ring_bytes must be 4096 times a power of two, not {self.ring_bytes}")
        if self.metrics_pods < 0:
            raise ValueError(f"metrics_pods must be 0 or more, not {self.metrics_pods}")
        if self.batch_rows < 1:
            raise ValueError(f"batch_rows must be 1 or more, not {self.batch_rows}")
        if self.names_answers < 1:
            raise ValueError(f"names_answers must be 1 or more, not {self.names_answers}")
        if self.pending_records < 1:
            raise ValueError(f"pending_records must be 1 or more, not {self.pending_records}")
        if not 1 << 20 <= self.queue_bytes <= self.spool_bytes // 2:
            raise ValueError(
                "queue_bytes must be 1 MiB or more and half of spool_bytes at the most, not "
                f"{self.queue_bytes} of {self.spool_bytes}"
            )

    @property
    def spool_path(self) -> Path:
        if self.spool_directory:
            return Path(self.spool_directory)
        return Path("/var/lib/flowatlas/spool") / self.node


LOADERS: list[Loader] = [
    ts.FileLoader(
        files=[], env_var="FLOWATLAS_SETTINGS", formats={"*.toml": ts.TomlFormat("agent")}
    ),
    ts.EnvLoader("FLOWATLAS_AGENT_"),
]
