"""Child processes: started again, stopped in time, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.errors import NotStartedError
from deploy.local.supervisor import SupervisedProcess

Start = Callable[..., SupervisedProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[SupervisedProcess] = []

    def run(program: str, *, restart: bool = True) -> SupervisedProcess:
        command = [sys.executable, "-c", program]
        process = SupervisedProcess("child", command, tmp_path, restart=restart)
        started.append(process)
        process.start()
        return process

    yield run
    for process in started:
        process.stop(timeout=1)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def test_what_it_says_is_kept_and_its_warnings_are_passed_on(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    process = start(
        "import time; print('level=INFO fine'); print('level=WARNING odd'); time.sleep(60)"
    )
    eventually(lambda: "odd" in process.log_file.read_text())
    assert "level=INFO fine" in process.log_file.read_text()
    eventually(lambda: "child: level=WARNING odd" in caplog.text)
    assert "fine" not in caplog.text


def test_a_process_that_dies_is_started_again_and_said_so_once(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    process = start("import time; time.sleep(60)")
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: process.running and process.pid != first)
    assert [record.message for record in caplog.records if "started again" in record.message] == [
        "process ended and is started again name=child status=-9 pause_seconds=0.5 "
        f"log={process.log_file}"
    ]


def test_a_process_that_may_not_be_started_again_stays_ended(start: Start) -> None:
    process = start("raise SystemExit(3)", restart=False)
    eventually(lambda: process.exits == 1)
    time.sleep(0.7)
    assert not process.running
    assert process.exits == 1


def test_stopping_asks_first(start: Start) -> None:
    process = start(
        "import signal, sys, time\n"
        "def end(*_): print('flushed', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(60)"
    )
    eventually(lambda: "ready" in process.log_file.read_text())
    process.stop()
    assert "flushed" in process.log_file.read_text()
    assert not process.running
    assert process.exits == 0


def test_stopping_kills_what_does_not_listen(start: Start) -> None:
    process = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    eventually(lambda: "ready" in process.log_file.read_text())
    began = time.monotonic()
    process.stop(timeout=0.5)
    assert time.monotonic() - began < 5
    assert not process.running


def test_waiting_for_a_process_that_ends_raises_its_own_words(start: Start) -> None:
    process = start("raise SystemExit('Error: no such Kafka: start one')")
    with pytest.raises(NotStartedError, match="child did not start: no such Kafka: start one"):
        process.wait_until(lambda: False, timeout=10)


def test_waiting_ends_when_time_is_up(start: Start) -> None:
    process = start("import time; time.sleep(60)")
    with pytest.raises(NotStartedError, match="not ready within 0 s"):
        process.wait_until(lambda: False, timeout=0.1)


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from deploy.local.supervisor import SupervisedProcess\n"
        "child = SupervisedProcess('child', ['sleep', '300'], Path(sys.argv[1]))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(300)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        time.sleep(0.2)  # setpriv asks for the death signal before it becomes the program
        supervisor.kill()
    eventually(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
