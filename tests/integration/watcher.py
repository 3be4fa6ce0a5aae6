"""The watcher of the Kubernetes API as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local.probes import free_ports
from tests.kubernetes_api import KubernetesApi


class Watcher:
    """`python -m stream.watch`."""

    def __init__(self, api: KubernetesApi, broker: str, tmp_path: Path, *more: str) -> None:
        (self.port,) = free_ports(1)
        path = tmp_path / f"kubeconfig-{self.port}"
        settings = {
            "--kafka": broker,
            "--kubeconfig": api.kubeconfig(path),
            "--metrics-port": str(self.port),
        }
        arguments = [text for pair in settings.items() for text in pair]
        self.log = tmp_path / f"watcher-{self.port}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream.watch", *arguments, *more],
                stderr=log,
                env={k: v for k, v in os.environ.items() if "FLOWATLAS" not in k},
            )

    def get(self, path: str) -> str:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                body: bytes = answer.read()
                return body.decode()
        except URLError:
            return ""

    def watching(self) -> Watcher:
        wait_for(lambda: '"watching"' in self.get("/health") or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()
        return self

    def published(self) -> int:
        lines = self.get("/metrics").splitlines()
        name = "flowatlas_inventory_published_total{"
        return sum(int(float(line.split()[1])) for line in lines if line.startswith(name))

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Its log."""
        self.process.send_signal(number)
        self.process.wait(20)
        return self.log.read_text()


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)
