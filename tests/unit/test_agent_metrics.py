"""The counters of port 9101: sums of rows, by node and pod, and what interfaces say."""

from __future__ import annotations

import subprocess
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from agent import interfaces
from agent.enrich import enrich
from agent.flows import aggregate
from agent.identity import Identity
from agent.ring import RECORD, ROLE_CLIENT, ROLE_SERVER, Records
from agent.traffic import NONE, OTHER, Traffic
from agent.wire import SCHEMA

ENA = {
    # `ethtool -S` of an ENA (driver 2.x, one queue), the device's part and a queue's
    "total_resets": 0,
    "reset_fail": 0,
    "tx_timeout": 0,
    "suspend": 0,
    "resume": 0,
    "wd_expired": 0,
    "interface_up": 1,
    "interface_down": 0,
    "admin_q_pause": 0,
    "bw_in_allowance_exceeded": 17,
    "bw_out_allowance_exceeded": 4242,
    "pps_allowance_exceeded": 3,
    "conntrack_allowance_exceeded": 2,
    "linklocal_allowance_exceeded": 1,
    "conntrack_allowance_available": 136813,
    "queue_0_tx_cnt": 5061,
    "queue_0_tx_bytes": 1051912,
    "queue_0_rx_cnt": 7213,
    "ena_admin_q_submitted_cmd": 64,
    "ena_admin_q_no_completion": 0,
}


def uid(cgroup: int) -> str:
    return f"00000000-0000-0000-0000-{cgroup:012x}"


def path(cgroup: int) -> str | None:
    """Cgroups below 1000 are pods'."""
    return f"/kubepods/pod{uid(cgroup)}/{cgroup:064x}" if 0 < cgroup < 1000 else None


def rows(*cgroups: int, **fields: Any) -> pa.RecordBatch:
    records: Records = np.zeros(len(cgroups), RECORD)
    records["cgroup_id"] = cgroups
    records["protocol"], records["role"] = 6, ROLE_CLIENT
    for name, value in fields.items():
        records[name] = value
    [batch] = aggregate(records, 10**9, 0, 10_000)
    return enrich(batch, Identity(path))


class Clock:
    now = 0.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def traffic(clock: Clock) -> Traffic:
    return Traffic(most_pods=3, clock=lambda: clock.now)


def value(traffic: Traffic, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    traffic.start(registry)
    return registry.get_sample_value(name, labels)


def sent(traffic: Traffic, pod: str) -> float | None:
    return value(
        traffic, "flowatlas_pod_bytes_total", pod_uid=pod, protocol="TCP", direction="sent"
    )


def test_rows_carry_the_pod_and_container_of_their_cgroup() -> None:
    batch = rows(7, 5, 2000, 0)
    found = {row["cgroup_id"]: (row["pod_uid"], row["container_id"]) for row in batch.to_pylist()}
    assert found == {
        5: (uid(5), f"{5:064x}"),
        7: (uid(7), f"{7:064x}"),
        0: (None, None),
        2000: (None, None),
    }
    assert batch.schema.equals(SCHEMA, check_metadata=True)


def test_an_empty_batch_stays_empty(traffic: Traffic) -> None:
    batch = enrich(rows(1).slice(0, 0), Identity(path))
    traffic.add(batch)
    assert batch.num_rows == 0
    assert sent(traffic, uid(1)) is None


def test_a_pods_direction_goes_by_its_role(traffic: Traffic) -> None:
    traffic.add(rows(1, role=ROLE_CLIENT, bytes_sent=5, bytes_received=7))
    traffic.add(rows(1, role=ROLE_SERVER, bytes_sent=11, bytes_received=13))
    labels = {"pod_uid": uid(1), "protocol": "TCP"}
    assert sent(traffic, uid(1)) == 16
    name = "flowatlas_pod_bytes_total"
    assert value(traffic, name, direction="received", **labels) == 20
    assert value(traffic, "flowatlas_node_bytes_to_server_total", protocol="TCP") == 18
    assert value(traffic, "flowatlas_node_bytes_to_client_total", protocol="TCP") == 18
    assert value(traffic, "flowatlas_pod_flows_total", **labels) == 2


def test_failures_are_counted_by_cause(traffic: Traffic) -> None:
    traffic.add(rows(1, refused=1, timed_out=2, unreachable=3, reset=4, half_open=5, overflow=6))
    for cause, count in (
        ("refused", 1),
        ("timed_out", 2),
        ("unreachable", 3),
        ("reset", 4),
        ("half_open", 5),
        ("listen_overflow", 6),
    ):
        labels = {"pod_uid": uid(1), "protocol": "TCP", "cause": cause}
        assert value(traffic, "flowatlas_pod_connection_failures_total", **labels) == count


def test_scraping_takes_nothing_away(traffic: Traffic) -> None:
    traffic.add(rows(1, bytes_sent=5))
    assert [sent(traffic, uid(1)) for _ in range(3)] == [5, 5, 5]
    traffic.add(rows(1, bytes_sent=5))
    assert sent(traffic, uid(1)) == 10


def test_sums_stay_right_beyond_the_bound(traffic: Traffic) -> None:
    for cgroup in range(1, 6):
        traffic.add(rows(cgroup, bytes_sent=10**cgroup))
    traffic.add(rows(2000, bytes_sent=7))
    assert [sent(traffic, uid(cgroup)) for cgroup in range(1, 6)] == [10, 100, 1000, None, None]
    assert sent(traffic, OTHER) == 110_000
    assert sent(traffic, NONE) == 7
    assert value(traffic, "flowatlas_node_bytes_to_server_total", protocol="TCP") == 111_117


def test_series_of_a_pod_end_an_hour_after_its_last_row(traffic: Traffic, clock: Clock) -> None:
    traffic.add(rows(1, 2, bytes_sent=5, rtt_count=1, rtt_buckets=[1] + [0] * 23))
    clock.now = 3000.0
    traffic.add(rows(1, bytes_sent=5))
    clock.now = 3601.0
    traffic.add(rows(3, 4, bytes_sent=1))
    assert [sent(traffic, uid(cgroup)) for cgroup in (1, 2, 3, 4)] == [10, None, 1, 1]
    assert value(traffic, "flowatlas_pod_rtt_seconds_count", pod_uid=uid(4)) is None
    assert value(traffic, "flowatlas_node_rtt_seconds_count") == 2


def test_histograms_are_cumulative_and_in_seconds(traffic: Traffic) -> None:
    buckets = [3, 0, 2] + [0] * 20 + [1]
    traffic.add(rows(1, rtt_buckets=buckets, rtt_count=6, rtt_sum=2_500_000))
    name = "flowatlas_pod_rtt_seconds"
    expected = {"3.2e-05": 3, "6.4e-05": 3, "0.000128": 5, "134.218": 5, "+Inf": 6}
    for bound, count in expected.items():
        assert value(traffic, f"{name}_bucket", pod_uid=uid(1), le=bound) == count
    assert value(traffic, f"{name}_sum", pod_uid=uid(1)) == 2.5
    assert value(traffic, "flowatlas_node_rtt_seconds_count") == 6


def test_drops_are_counted_by_reason(traffic: Traffic) -> None:
    batch = rows(1, 2, 2000)
    kind = SCHEMA.field("drop_reasons").type
    given = [[("NETFILTER_DROP", 2)], [("NETFILTER_DROP", 3), ("NO_SOCKET", 1)], None]
    reasons = pa.array(given, kind)
    index = SCHEMA.get_field_index("drop_reasons")
    pods = batch["pod_uid"].to_pylist()
    traffic.add(batch.set_column(index, SCHEMA.field(index), reasons))
    name = "flowatlas_pod_drops_total"
    assert value(traffic, name, pod_uid=pods[0] or NONE, reason="NETFILTER_DROP") == 2
    assert value(traffic, name, pod_uid=pods[1] or NONE, reason="NO_SOCKET") == 1
    assert value(traffic, "flowatlas_node_drops_total", reason="NETFILTER_DROP") == 5


def test_promtool_finds_nothing_to_complain_about(traffic: Traffic) -> None:
    reset = {"reset": 1, "refused": 1, "attempted": 1, "established": 1}
    traffic.add(rows(1, 2000, bytes_sent=5, rtt_buckets=[1] * 24, rtt_count=24, **reset))
    registry = CollectorRegistry()
    traffic.start(registry)
    stop = interfaces.Interfaces("").start(registry)
    text = generate_latest(registry)
    stop()
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_an_enas_allowances_are_found_among_its_statistics() -> None:
    assert interfaces.allowances(ENA) == {
        "bw_in": 17,
        "bw_out": 4242,
        "pps": 3,
        "conntrack": 2,
        "linklocal": 1,
    }


def test_the_kernels_table_of_interfaces_is_read() -> None:
    table = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
        "drop fifo colls carrier compressed\n"
        "    lo:     100       2    0    0    0     0          0         0      100       2    0 "
        "   0    0     0       0          0\n"
        "ens5:123456789012 99 1 2 3 4 5 6 7 8 9 10 11 12 13 14\n"
    )
    counters = interfaces.parse(table)
    assert list(counters) == ["lo", "ens5"]
    assert counters["ens5"][0] == 123456789012
    assert [counters["ens5"][at] for at in interfaces._SENT.values()] == [7, 8, 9, 10]
