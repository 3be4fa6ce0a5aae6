"""Bytes that others made are read or refused: no crash, no hang, nothing uncounted."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import names, wire
from agent.ring import RECORD, SLOT_BYTES
from tests.fuzz import targets
from tests.golden.make import example_rows


def dns_answer() -> bytes:
    query = dns.message.make_query("shop.example.", "A")
    response = dns.message.make_response(query)
    response.answer = [
        dns.rrset.from_text("shop.example.", 60, "IN", "CNAME", "web.example."),
        dns.rrset.from_text("web.example.", 30, "IN", "A", "10.0.0.1", "10.0.0.2"),
    ]
    return response.to_wire()


def full_ring() -> bytes:
    slots = np.zeros(9, [("length", "u4"), ("page", "u4"), ("record", RECORD)])
    slots["length"] = RECORD.itemsize
    return struct.pack("<QQ", 0, slots.nbytes) + slots.tobytes()


EXAMPLES = {
    "ring": full_ring(),
    "answer": dns_answer(),
    "batch": wire.encode(pa.RecordBatch.from_pylist(example_rows(), schema=wire.SCHEMA)),
}


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A good example with some bytes changed and its end cut off."""
    content = bytearray(whole)
    changes = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255))
    for at, value in draw(st.lists(changes, max_size=8)):
        content[at] = value
    return bytes(content[: draw(st.integers(0, len(whole)))])


@pytest.mark.parametrize("target", targets.TARGETS)
@settings(max_examples=100, deadline=2000)
@given(data=st.data())
def test_random_and_damaged_bytes_are_refused_at_the_worst(target: str, data: Any) -> None:
    targets.TARGETS[target](data.draw(st.binary(max_size=2000) | damaged(EXAMPLES[target])))


@settings(max_examples=100, deadline=2000)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=2 * SLOT_BYTES))
def test_a_ring_with_nonsense_positions_is_read_within_its_bounds(
    consumed: int, produced: int, content: bytes
) -> None:
    targets.ring(struct.pack("<QQ", consumed, produced) + content)


@given(damaged(dns_answer()))
def test_an_answer_that_is_cut_off_is_told_from_a_whole_one(content: bytes) -> None:
    assert names.read(content[:20]).damaged


@pytest.mark.parametrize("target", targets.TARGETS)
def test_a_fuzzer_that_follows_coverage_finds_nothing_in_three_seconds(
    target: str, tmp_path: Path
) -> None:
    (tmp_path / "example").write_bytes(EXAMPLES[target])
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", target, "3", tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
