"""docs/metrics.md says what the roles really export."""

from __future__ import annotations

import subprocess
import sys

from deploy.local.metrics_catalogue import FILE, text


def test_the_catalogue_is_up_to_date() -> None:
    assert FILE.read_text() == text(), "run make docs"


def test_every_metric_has_a_meaning_and_a_name_of_its_own() -> None:
    rows = [line for line in FILE.read_text().splitlines() if line.startswith("| `")]
    names = [line.split("`")[1] for line in rows]
    assert len(names) == len(set(names))
    assert all(name.startswith("flowatlas_") for name in names)
    assert all(line.split(" | ")[-1].removesuffix(" |") for line in rows)


def test_importing_it_starts_nothing() -> None:
    look = (
        "import deploy.local.metrics_catalogue, os, threading\n"
        "links = [os.readlink(f'/proc/self/fd/{fd}') for fd in range(3, 64) "
        "if os.path.islink(f'/proc/self/fd/{fd}')]\n"
        "print(threading.active_count(), [link for link in links if link.startswith('socket:')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "1 []\n"
