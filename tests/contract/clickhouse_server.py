"""The embedded ClickHouse as a process of its own, for tests that talk to it as clients do."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

_READY = re.compile(r"server ready url=http://127\.0\.0\.1:(\d+)")


class ClickHouseServer:
    """`python -m sql.server` on one data directory, to be started and ended as often as wanted."""

    def __init__(self, path: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "sql.server", "--port", "0", "--path", str(path)]
        self._command += options
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with tempfile.TemporaryFile("w+") as log:
            self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
            assert self._process.stderr is not None
            for line in self._process.stderr:
                log.write(line)
                if found := _READY.search(line):
                    self.port = int(found[1])
                    return
            log.seek(0)
            raise AssertionError(f"the server did not start: {log.read()}")

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

    def _wait(self) -> int:
        assert self._process is not None
        self._process.communicate(timeout=20)
        return self._process.returncode
