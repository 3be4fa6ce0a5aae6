"""Processes that tests start, stop in their tracks, kill and start again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

from sql.settings import ClickHouse
from tests.integration.clickhouse import await_answer, free_port
from tests.integration.faults.worker import work


def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for it, or fail."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


def _prepare_forks() -> ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["__main__", "stream.__main__", "tests.integration.faults.worker"])
    return made


FORKS = _prepare_forks()
"""Workers are forked from a process that has imported all they need, which alone takes a second."""


class Worker:
    """`flowatlas stream`, or `flowatlas replay`, as a process.

    point: where in faults.worker it kills itself, if at all. newer: of the next version.
    """

    def __init__(
        self, flags: Sequence[str], log: Path, point: str = "", nth: int = 1, newer: bool = False
    ) -> None:
        given = (list(flags), str(log), point, nth, newer)
        self._process = FORKS.Process(target=work, args=given, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def wait(self, seconds: float = 60.0) -> int:
        """How it ended, negative for a signal."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "still running"
        return self._process.exitcode

    def end(self) -> int:
        """Asked to stop as an orchestrator asks."""
        self._process.terminate()
        return self.wait()


class Engine:
    """The embedded ClickHouse on one directory and one port, however often it dies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self.settings = ClickHouse(url=f"http://127.0.0.1:{self._port}", database="default")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        path = str(self._directory / "data")
        flags = ("--port", str(self._port), "--path", path)
        # The kernel ends it with the thread that started it, should pytest itself be killed.
        command = ("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "sql.server", *flags)
        with (self._directory / "clickhouse.log").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        await_answer(f"{self.settings.url}/ping", self._process)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def parts(self, database: str, table: str) -> list[Path]:
        """The directories of a table's parts."""
        found = self._directory / "data" / "data" / database / table
        return [entry for entry in found.resolve().iterdir() if (entry / "checksums.txt").exists()]

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
