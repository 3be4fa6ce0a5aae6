"""A ClickHouse that stands still before a great backlog, and an end in full flow."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from stream.settings import Settings
from tests.integration.faults.bench import PARTITIONS, SESSION_SECONDS, Bench
from tests.integration.faults.processes import until
from tests.integration.faults.traffic import ROWS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

FLUSH_ROWS = 10_000
BATCH_ROWS = 2_000
BATCHES = 300
STANDSTILL = 4.0
MOST = FLUSH_ROWS * (30 * (2 + PARTITIONS) + 700 + 700 * (Settings.parallel_inserts + 1)) + (
    32 << 20
)
"""What docs/stream.md allows, and what the clients of Kafka and ClickHouse keep; the backlog
is three times as much."""


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def test_a_clickhouse_that_stands_still_costs_time_and_not_memory(bench: Bench) -> None:
    worker = bench.worker(f"--flush-rows={FLUSH_ROWS}")
    bench.traffic.send(4 * PARTITIONS, BATCH_ROWS)
    until(lambda: bench.unread() == 0)
    before = resident(worker.pid)
    bench.engine.signal(signal.SIGSTOP)
    bench.traffic.send(BATCHES, BATCH_ROWS)
    highest = 0
    started = time.monotonic()
    while time.monotonic() < started + STANDSTILL:
        highest = max(highest, resident(worker.pid))
        time.sleep(0.05)
    bench.engine.signal(signal.SIGCONT)
    assert highest - before < MOST, f"{before} bytes grew to {highest}"
    assert bench.unread() > BATCHES / 2
    bench.finish(worker)


def test_asked_to_stop_in_full_flow_it_inserts_and_commits_what_it_took(bench: Bench) -> None:
    worker = bench.worker("--flush-seconds=0.5")
    with bench.traffic.flowing(per_second=80):
        bench.await_ranges(8)
        assert worker.end() == 0, bench.words()
    committed = len(bench.traffic.sent) - bench.unread()
    assert bench.flow_rows() == ROWS * committed
    bench.finish(bench.worker())


def test_asked_to_stop_in_a_rebalance_it_drains_and_leaves(bench: Bench) -> None:
    """ClickHouse stands still, so that the drain lasts until another worker wants to join."""
    worker = bench.worker()
    with bench.traffic.flowing(per_second=40):
        bench.await_ranges(5)
        bench.engine.signal(signal.SIGSTOP)
        time.sleep(0.3)
        worker.signal(signal.SIGTERM)
        joining = bench.worker()
        time.sleep(SESSION_SECONDS)
        bench.engine.signal(signal.SIGCONT)
        assert worker.wait() == 0, bench.words()
    assert "Traceback" not in bench.words()
    bench.finish(joining)
