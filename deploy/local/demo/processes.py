"""Starting the shop's programs in their cgroup and namespace."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.demo.command import run
from deploy.local.demo.errors import ProgramNotReadyError
from deploy.local.demo.model import Program

_LISTEN = "0A"  # TCP_LISTEN, as /proc/net/tcp prints it


def start(
    program: Program, cgroup: Path, namespace: str, directory: Path
) -> subprocess.Popen[bytes]:
    """Start the program, in a session of its own so that the terminal's Ctrl-C is not for it.

    A server is waited for until it listens, 10 s at most; then ProgramNotReadyError is raised.
    """
    cgroup.mkdir(parents=True)
    log = directory / "logs" / f"{namespace}.{program.name}"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["sh", directory / "enter.sh", cgroup, f"/run/netns/{namespace}", *program.command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    port = program.port
    if port is not None:
        ready = _wait(lambda: process.poll() is not None or _listens(namespace, port))
        if not ready or process.poll() is not None:
            raise ProgramNotReadyError(program.command[0], port, _last_line(log))
    return process


def _listens(namespace: str, port: int) -> bool:
    sockets = run("cat", "/proc/net/tcp", "/proc/net/tcp6", namespace=namespace)
    rows = (line.split() for line in sockets.splitlines())
    return any(row[1].endswith(f":{port:04X}") and row[3] == _LISTEN for row in rows)


def _wait(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _last_line(log: Path) -> str:
    return next(reversed(log.read_text(errors="replace").splitlines()), "")
