"""Settings of the agent: defaults, then file, environment and flags."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
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
    node: str = _setting(socket.gethostname(), "name of this node in Kubernetes")
    cgroup: str = _setting("", "cgroup v2 directory to watch, empty: the whole node")
    interval: float = _setting(5.0, "seconds that one flow row covers at the most")
    ring_bytes: int = _setting(8 << 20, "size of the kernel's ring buffer, a power of two")
    batch_rows: int = _setting(50_000, "rows in one Kafka message at the most")
    metrics_host: str = _setting("127.0.0.1", "address to serve metrics on")
    metrics_port: int = _setting(9101, "port to serve metrics on, 0: any free one")
    kafka_timeout: float = _setting(10.0, "seconds to wait for Kafka at the start and at the end")

    def __post_init__(self) -> None:
        if not 0.1 <= self.interval <= 300:
            raise ValueError(f"interval must be 0.1 to 300 seconds, not {self.interval}")
        pages = self.ring_bytes // 4096
        if pages < 1 or self.ring_bytes % 4096 or pages & (pages - 1):
            raise ValueError(f"ring_bytes must be 4096 times a power of two, not {self.ring_bytes}")
        if self.batch_rows < 1:
            raise ValueError(f"batch_rows must be 1 or more, not {self.batch_rows}")


LOADERS: list[Loader] = [
    ts.FileLoader(
        files=[], env_var="FLOWATLAS_SETTINGS", formats={"*.toml": ts.TomlFormat("agent")}
    ),
    ts.EnvLoader("FLOWATLAS_AGENT_"),
]
