"""Names as those who spoke with an address were told them, against reading all rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.names import SCHEMA
from stream.addresses import pack
from stream.evidence import Confidence
from stream.seen_names import NAMELESS, Seen, SeenNames, nodes, pods

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
GRACE = 60
S3 = "bucket.s3.eu-west-1.amazonaws.com"
HIGH, MEDIUM, LOW, NONE = (
    *(Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW),
    Confidence.NONE,
)


class Row(NamedTuple):
    """Pods are numbered; an even one is on node 0, an odd one on node 1."""

    at: int
    pod: int
    address: int
    name: str
    ttl: int = 30
    known: bool = True


def address(number: int) -> bytes:
    return pack(f"203.0.113.{number}")


def receiver(pod: int) -> bytes:
    return pack(f"10.0.0.{pod}")


def batch(rows: list[Row]) -> pa.RecordBatch:
    columns = {
        "time": [START + row.at * SECOND for row in rows],
        "receiver": [receiver(row.pod) for row in rows],
        "cgroup_id": [row.pod for row in rows],
        "address": [address(row.address) for row in rows],
        "name": [row.name for row in rows],
        "ttl_seconds": [row.ttl for row in rows],
        "pod_uid": [f"pod-{row.pod}" if row.known else None for row in rows],
    }
    arrays = [
        pa.array(values, field.type)
        if not pa.types.is_dictionary(field.type)
        else pa.array(values, field.type.value_type).dictionary_encode()
        for values, field in zip(columns.values(), SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def add(seen: SeenNames, *rows: Row) -> None:
    for node in (0, 1):
        own = [row for row in rows if row.pod % 2 == node]
        seen.add(batch(own), f"node-{node}")


def ask(seen: SeenNames, *asked: tuple[int, int, int], known: bool = True) -> Seen:
    """asked: pod, address, time."""
    return seen.lookup(
        np.array([address(number) for _, number, _ in asked], "V16"),
        pods([f"pod-{pod}" for pod, _, _ in asked])
        if known
        else np.array([receiver(pod) for pod, _, _ in asked], "V16").view("u8").reshape(-1, 2),
        nodes([f"node-{pod % 2}" for pod, _, _ in asked]),
        np.array([START + at * SECOND for _, _, at in asked]),
    )


def said(
    seen: SeenNames, *asked: tuple[int, int, int], known: bool = True
) -> list[tuple[str, int]]:
    found = ask(seen, *asked, known=known)
    words = [seen.words[name] if name != NAMELESS else "" for name in found.names]
    return list(zip(words, found.confidence.tolist(), strict=True))


def by_reading_all(rows: list[Row], pod: int, number: int, at: int) -> tuple[str, int]:
    best = ("", int(NONE))
    for scope, worth in (
        (lambda row: row.pod == pod, (MEDIUM, HIGH)),
        (lambda row: row.pod % 2 == pod % 2, (LOW, MEDIUM)),
        (lambda row: True, (LOW, MEDIUM)),
    ):
        runs: list[Row] = []
        until: list[int] = []
        for row in rows:
            if row.address != number or not scope(row):
                continue
            if runs and runs[-1].name == row.name:
                until[-1] = max(until[-1], row.at + row.ttl)
            else:
                runs.append(row)
                until.append(row.at + row.ttl)
        begun = [place for place, run in enumerate(runs) if run.at <= at]
        if begun:
            value = int(worth[until[begun[-1]] + GRACE > at])
            if value > best[1]:
                best = (runs[begun[-1]].name, value)
    return best


@given(
    told=st.lists(
        st.tuples(
            st.integers(1, 90),
            st.integers(0, 3),
            st.integers(0, 2),
            st.sampled_from("abc"),
            st.sampled_from([0, 5, 100]),
        ),
        max_size=25,
    ),
    cut=st.integers(0, 25),
)
@settings(max_examples=60, deadline=None)
def test_lookups_agree_with_reading_all_rows(
    told: list[tuple[int, int, int, str, int]], cut: int
) -> None:
    rows, now = [], 0
    for gap, pod, number, name, ttl in told:
        now += gap
        rows.append(Row(now, pod, number, name, ttl))
    seen = SeenNames(grace_seconds=GRACE)
    add(seen, *rows[:cut])
    ask(seen, (0, 0, 0))
    add(seen, *rows[cut:])
    times = sorted({0, now + 200, *(row.at + more for row in rows for more in (-1, 0, 1, 70))})
    asked = [(pod, number, at) for pod in range(4) for number in range(3) for at in times]
    assert said(seen, *asked) == [by_reading_all(rows, *one) for one in asked]


def test_a_name_holds_from_its_answer_on_and_is_the_last_known_after_its_time() -> None:
    seen = SeenNames(grace_seconds=GRACE)
    add(seen, Row(100, 2, 1, S3, ttl=5))
    assert said(seen, (2, 1, 99), (2, 1, 100), (2, 1, 164), (2, 1, 165), (2, 1, 90_000)) == [
        ("", NONE),
        (S3, HIGH),
        (S3, HIGH),
        (S3, MEDIUM),
        (S3, MEDIUM),
    ]


def test_what_a_pod_itself_was_told_comes_before_what_others_were() -> None:
    seen = SeenNames()
    add(seen, Row(1, 2, 1, "own", ttl=1), Row(400, 4, 1, "neighbours"), Row(401, 3, 1, "others"))
    assert said(seen, (2, 1, 410), (6, 1, 410), (5, 1, 410)) == [
        ("own", MEDIUM),
        ("neighbours", MEDIUM),
        ("others", MEDIUM),
    ]


def test_a_holding_answer_from_afar_comes_before_a_stale_one_from_the_same_node() -> None:
    seen = SeenNames()
    add(seen, Row(1, 2, 1, "old", ttl=1), Row(500, 3, 1, "new", ttl=60))
    assert said(seen, (4, 1, 510), (4, 1, 5000)) == [("new", MEDIUM), ("old", LOW)]


def test_a_socket_of_no_known_pod_is_told_by_its_address() -> None:
    seen = SeenNames()
    add(seen, Row(1, 2, 1, S3, known=False), Row(1, 4, 2, "of a pod"))
    assert said(seen, (2, 1, 5), (4, 1, 5), known=False) == [(S3, HIGH), (S3, MEDIUM)]


def test_of_names_that_take_turns_each_has_its_time() -> None:
    seen = SeenNames()
    add(seen, Row(10, 2, 1, "a"))
    assert said(seen, (2, 1, 15)) == [("a", HIGH)]
    add(seen, Row(20, 2, 1, "b"), Row(30, 2, 1, "a"), Row(40, 2, 1, "b"))
    assert [name for name, _ in said(seen, *((2, 1, at) for at in (15, 25, 35, 45)))] == [
        *("a", "b", "a", "b")
    ]


def test_a_thousand_repetitions_take_the_room_of_one() -> None:
    seen = SeenNames()
    for at in range(1_000):
        add(seen, Row(at * 10, 2, 1, S3))
    assert said(seen, (2, 1, 9_999)) == [(S3, HIGH)]
    assert len(seen) == 3


def test_beyond_the_bound_the_oldest_go_and_all_that_stay_are_found() -> None:
    seen = SeenNames(most_entries=300)
    rows = [Row(at, at % 8, at % 250, f"name-{at}") for at in range(1_000)]
    for start in range(0, 1_000, 100):
        add(seen, *rows[start : start + 100])
        ask(seen, (0, 0, 0))
        assert len(seen) <= 300
    newest = rows[-70:]
    assert said(seen, *((row.pod, row.address, row.at) for row in newest)) == [
        (row.name, HIGH) for row in newest
    ]
    assert said(seen, (rows[0].pod, rows[0].address, 20)) == [("", NONE)]
    assert len(seen.words) <= 300


def test_no_answer_holds_for_longer_than_a_day() -> None:
    seen = SeenNames()
    add(seen, Row(0, 2, 1, S3, ttl=2**32 - 1))
    assert said(seen, (2, 1, 86_000), (2, 1, 87_000)) == [(S3, HIGH), (S3, MEDIUM)]


def test_nothing_told_is_nothing_known() -> None:
    seen = SeenNames()
    seen.add(batch([]), "node-0")
    assert said(seen, (0, 1, 5)) == [("", NONE)]
    assert len(seen) == 0
