"""Records as a busy node's kernel programs emit them in one interval, made from a fixed seed.

250 pods speak with peers drawn at random from 4,000, on five ports. Every volume, RTT and time is
drawn on its own from a continuous distribution, so nothing repeats that would not on a real node:

- bytes are log-normal around each port's usual request and answer, with a Pareto tail;
- a conversation has its own base RTT (log-normal, median 0.4 ms), each sample jitters around it;
- a third of the records are of short connections (opened, spoken, closed within the interval), the
  rest of kept ones, whose delta the interval's end takes;
- 1 record in 100 has a retransmission, 1 in 1,000 a refused or reset connection.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.ring import RECORD, ROLE_CERTAIN, ROLE_CLIENT, ROLE_SERVER, Records

INTERVAL_NS = 5_000_000_000
PODS, PEERS = 250, 4_000
SEGMENT = 1_448
_PORTS = np.array([80, 443, 5432, 6379, 9092])
_USUAL_REQUEST = np.array([600, 900, 300, 80, 2_000])
_USUAL_ANSWER = np.array([4_000, 6_000, 1_200, 200, 150])

Array = NDArray[Any]


def records(count: int, conversations: int, seed: int = 1) -> Records:
    """`count` records of one interval, of that many conversations."""
    random = np.random.default_rng(seed)
    pod = random.integers(0, PODS, conversations)
    peer = random.integers(0, PEERS, conversations)
    service = random.integers(0, len(_PORTS), conversations)
    serves = random.random(conversations) < 0.5
    base_rtt = random.lognormal(np.log(400), 0.6, conversations)

    of = random.integers(0, conversations, count)
    made = np.zeros(count, RECORD)
    made["cgroup_id"] = 20_000 + 37 * pod[of]
    made["local_address"] = _addresses(pod[of], 1)
    made["remote_address"] = _addresses(peer[of], 2)
    _take_roles(made, _PORTS[service[of]], serves[of], random)
    _time(made, random)
    _fill(made, service[of], serves[of], random)
    _sample_rtt(made, base_rtt[of], random)
    return made


def _take_roles(made: Records, port: Array, serves: Array, random: np.random.Generator) -> None:
    ephemeral = random.integers(32_768, 60_999, len(made))
    made["local_port"] = np.where(serves, port, ephemeral)
    made["remote_port"] = np.where(serves, ephemeral, port)
    made["role"] = np.where(serves, ROLE_SERVER, ROLE_CLIENT)
    made["protocol"], made["flags"] = 6, ROLE_CERTAIN


def _addresses(host: Array, network: int) -> Array:
    raw = np.zeros((len(host), 16), "u1")
    raw[:, 10:12] = 255
    raw[:, 12], raw[:, 13] = 10, network
    raw[:, 14], raw[:, 15] = host // 256, host % 256
    return raw.view("V16")[:, 0]


def _time(made: Records, random: np.random.Generator) -> None:
    short = random.random(len(made)) < 1 / 3
    made["since_ns"] = random.integers(1, INTERVAL_NS, len(made))
    took = random.lognormal(np.log(20e6), 1, len(made)).astype("u8")
    flushed = INTERVAL_NS + random.integers(0, 5_000_000, len(made))
    made["until_ns"] = np.where(short, made["since_ns"] + took, flushed)
    for event in ("attempted", "established", "closed"):
        made[event] = short
    made["attempted"][made["role"] == ROLE_SERVER] = 0
    opened = made["attempted"] > 0
    made["connect_microseconds"][opened] = random.lognormal(np.log(450), 0.6, opened.sum())


def _fill(made: Records, service: Array, serves: Array, random: np.random.Generator) -> None:
    count = len(made)
    request = random.lognormal(np.log(_USUAL_REQUEST[service]), 0.8)
    answer = random.lognormal(np.log(_USUAL_ANSWER[service]), 0.8) + random.pareto(1.2, count) * 200
    made["bytes_sent"] = np.where(serves, answer, request)
    made["bytes_received"] = np.where(serves, request, answer)
    acknowledgements = random.integers(1, 4, (2, count))
    made["packets_sent"] = acknowledgements[0] + made["bytes_sent"] // SEGMENT
    made["packets_received"] = acknowledgements[1] + made["bytes_received"] // SEGMENT
    again = random.random(count) < 0.01
    made["retransmitted_segments"][again] = 1
    made["retransmitted_bytes"][again] = SEGMENT
    made["reset"] = random.random(count) < 0.0005
    made["refused"] = random.random(count) < 0.0005


def _sample_rtt(made: Records, base: Array, random: np.random.Generator) -> None:
    """One to three samples a record."""
    rows = np.arange(len(made))
    made["rtt_count"] = random.integers(1, 4, len(made))
    made["rtt_min"] = np.iinfo("u4").max
    for sample in range(3):
        taken = rows[made["rtt_count"] > sample]
        rtt = (base[taken] * random.lognormal(0, 0.15, len(taken))).astype("u4") + 32
        made["rtt_sum"][taken] += rtt
        made["rtt_min"][taken] = np.minimum(made["rtt_min"][taken], rtt)
        made["rtt_max"][taken] = np.maximum(made["rtt_max"][taken], rtt)
        made["rtt_buckets"][taken, np.log2(rtt).astype(int) - 4] += 1
