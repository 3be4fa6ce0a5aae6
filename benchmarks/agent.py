"""What a flow record costs the agent in user space: decode, aggregate and encode, on one core."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from agent import flows, wire
from agent.ring import RECORD, ROLE_CERTAIN, Records
from benchmarks.report import Figure

INTERVAL_NS = 5_000_000_000


def records(count: int, conversations: int, seed: int = 1) -> Records:
    """Records as a busy node's: conversations repeat, most have a few RTT samples, few trouble."""
    random = np.random.default_rng(seed)
    conversation = random.integers(0, conversations, count)
    made = np.zeros(count, RECORD)
    made["since_ns"] = random.integers(1, INTERVAL_NS, count)
    made["until_ns"] = made["since_ns"] + random.integers(1, 10**8, count)
    made["local_address"] = _addresses(conversation % 250, 1)
    made["remote_address"] = _addresses(conversation // 250, 2)
    made["remote_port"] = np.array([80, 443, 5432, 6379, 9092])[conversation % 5]
    made["local_port"] = 40_000
    made["protocol"], made["role"], made["flags"] = 6, 1 + conversation % 2, ROLE_CERTAIN
    made["cgroup_id"] = 1000 + conversation % 250
    made["bytes_sent"] = random.pareto(1.2, count) * 500
    made["bytes_received"] = random.pareto(1.2, count) * 2000
    made["packets_sent"] = 1 + made["bytes_sent"] // 1448
    made["packets_received"] = 1 + made["bytes_received"] // 1448
    made["retransmitted_segments"] = random.random(count) < 0.01
    rtt = random.lognormal(6, 0.7, count).astype("u4") + 32
    made["rtt_count"], made["rtt_sum"], made["rtt_min"], made["rtt_max"] = 1, rtt, rtt, rtt
    made["rtt_buckets"][np.arange(count), np.minimum(np.log2(rtt).astype(int) - 4, 23)] = 1
    return made


def _addresses(host: np.ndarray, network: int) -> np.ndarray:
    raw = np.zeros((len(host), 16), "u1")
    raw[:, 10:12] = 255
    raw[:, 12], raw[:, 13] = 10, network
    raw[:, 14], raw[:, 15] = host // 256, host % 256
    return raw.view("V16")[:, 0]


def run() -> Iterator[Figure]:
    """Aggregate and encode one interval's records, at two cardinalities."""
    for count, conversations in ((200_000, 1_000), (200_000, 50_000)):
        made = records(count, conversations)
        start = time.process_time()
        batches = list(flows.aggregate(made, INTERVAL_NS, 0, 10_000))
        values = [wire.encode(batch) for batch in batches]
        took = time.process_time() - start
        rows = sum(batch.num_rows for batch in batches)
        case = f"{conversations:,} conversations"
        yield Figure("agent: aggregate + encode", case, count / took, "records/s of one core")
        yield Figure("agent: batch on the wire", case, sum(map(len, values)) / rows, "bytes/row")
