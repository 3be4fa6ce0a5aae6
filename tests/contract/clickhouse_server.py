"""The embedded ClickHouse as a process of its own, for tests that talk to it as clients do."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

_READY = re.compile(r"server ready url=http://127\.0\.0\.1:(\d+)")


class ClickHouseServer:
    """`python -m sql.server` on one data directory, to be started and ended as often as wanted."""

    def __init__(self, path: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "sql.server", "--port", "0", "--path", str(path)]
        self._command += options
        self._log = path.parent / f"{path.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers; its log stays beside the data directory."""
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command, stderr=log)
        deadline = time.monotonic() + 20
        while not (found := _READY.search(self._log.read_text())):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        self.port = int(found[1])

    def stop(self) -> int:
        """End it as an operator does; returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._wait()

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._wait()

    def resident(self) -> int:
        """Bytes of its memory that are in use now."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def _wait(self) -> int:
        assert self._process is not None
        return self._process.wait(timeout=20)
