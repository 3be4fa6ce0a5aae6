"""Child processes that are kept running, whose words are kept, and that do not outlive this one."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.local.errors import NotStartedError

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0
"""A process that ran this long starts again after the first pause, not after the next longer."""

STOP_SECONDS = 40.0
"""Longer than any role takes to flush what it holds; the stream is the slowest with 35 s."""

NOTABLE = re.compile(r"\blevel=(WARNING|ERROR|CRITICAL)\b|^Error: ")


def role_command(role: str, *arguments: str) -> list[str]:
    """The command line of a flowatlas role in this very environment, whatever PATH says."""
    return module_command("deploy.local.cli", role, *arguments)


def module_command(module: str, *arguments: str) -> list[str]:
    """`python -m module`, without the working directory on the import path."""
    return [sys.executable, "-P", "-m", module, *arguments]


class SupervisedProcess:
    """One program, started again with growing pauses whenever it ends by itself.

    Its output is appended to `directory/name.log`; warnings are also logged here. The program is
    killed by the kernel if this process dies without stopping it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        directory: Path,
        *,
        restart: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log_file = directory / f"{name}.log"
        self.exits = 0
        self._command = list(command)
        self._restart = restart
        self._environment = dict(environment or {})
        self._stopping = threading.Event()
        self._spawned = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._last_words: deque[str] = deque(maxlen=20)

    def start(self) -> None:
        """Return when the program has been executed; it may not be ready yet."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        # The kernel ties the death signal to the thread that spawned, so this thread stays as
        # long as its child.
        self._thread = threading.Thread(target=self._keep_running, name=self.name, daemon=True)
        self._thread.start()
        self._spawned.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """SIGTERM, and after `timeout` seconds SIGKILL; returns when the program is gone."""
        if self._process is None or self._thread is None:
            return
        if not self._stopping.is_set():
            self.ask_to_stop()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("process killed name=%s waited_seconds=%.0f", self.name, timeout)
            self._process.kill()
            self._thread.join()

    def kill(self) -> None:
        """SIGKILL, and no new start; returns when the program is gone."""
        if self._process is None or self._thread is None:
            return
        self._stopping.set()
        self._process.kill()
        self._thread.join()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        """Block until `ready()`; raise NotStartedError if the program ends first or time is up."""
        deadline = time.monotonic() + timeout
        while not ready():
            if self.exits:
                raise NotStartedError(self.name, self._reason(), self.log_file)
            if time.monotonic() > deadline:
                reason = f"it was not ready within {timeout:.0f} s"
                raise NotStartedError(self.name, reason, self.log_file)
            time.sleep(0.05)

    def _reason(self) -> str:
        spoken = [line for line in self._last_words if line.strip()]
        errors = [line for line in spoken if line.startswith("Error: ")]
        words = (errors or spoken or ["it ended without a word"])[-1]
        return words.removeprefix("Error: ").strip()

    def _keep_running(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            status = self._run_once()
            if self._stopping.is_set():
                return
            self.exits += 1
            if not self._restart:
                log.error(
                    "process ended name=%s status=%d log=%s", self.name, status, self.log_file
                )
                return
            if time.monotonic() - started > HEALTHY_AFTER_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            log.warning(
                "process ended and is started again name=%s status=%d pause_seconds=%.1f log=%s",
                *(self.name, status, pause, self.log_file),
            )
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _run_once(self) -> int:
        with (
            self.log_file.open("a", encoding="utf-8") as kept,
            subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self._command],
                env={**os.environ, **self._environment, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # Ctrl-C reaches a terminal's whole process group; the order of stopping is ours.
                process_group=0,
            ) as process,
        ):
            self._process = process
            self._spawned.set()
            if self._stopping.is_set():
                process.terminate()
            assert process.stdout is not None
            for line in process.stdout:
                kept.write(line)
                kept.flush()
                self._last_words.append(line)
                if NOTABLE.search(line):
                    log.warning("%s: %s", self.name, line.rstrip())
        return process.returncode
