"""Native by the protocol's revision: blocks however they come in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sql.server.errors import QueryError
from sql.server.native import Transcoder

INFO = b"\1\0\2\xff\xff\xff\xff\0"
STRINGS = (b"\1s\6String", b"\1a" + b"\x81\1" + b"b" * 129)
WORDS = (
    b"\1w\x16LowCardinality(String)",
    (1).to_bytes(8, "little")  # the dictionary's version
    + (0x600).to_bytes(8, "little")  # keys in here, places of a byte
    + (2).to_bytes(8, "little")
    + b"\0\1k"
    + (2).to_bytes(8, "little")
    + b"\0\1",
)
NUMBERS = (b"\1n\6UInt16", b"\1\2\3\4")
COLUMNS = (STRINGS, WORDS, NUMBERS)
BLOCK = b"\3\2" + b"".join(header + values for header, values in COLUMNS)
TRANSCODED = INFO + b"\3\2" + b"".join(header + b"\0" + values for header, values in COLUMNS)


@given(st.lists(st.integers(0, 3 * len(BLOCK)), max_size=12))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    data = 3 * BLOCK
    bounds = [0, *sorted(cuts), len(data)]
    transcoder = Transcoder(54_460)
    pieces = [transcoder.feed(data[a:b]) for a, b in pairwise(bounds)]
    assert b"".join(pieces) == 3 * TRANSCODED


def test_a_block_goes_out_when_it_is_whole() -> None:
    transcoder = Transcoder(54_460)
    assert transcoder.feed(BLOCK[:-1]) == b""
    assert transcoder.feed(BLOCK[-1:] + BLOCK[:5]) == TRANSCODED


def test_a_block_without_rows_has_its_columns() -> None:
    empty = b"\1\0\1s\6String"
    assert Transcoder(54_460).feed(empty) == INFO + empty + b"\0"


def test_later_revisions_list_buckets_out_of_order() -> None:
    assert Transcoder(54_480).feed(BLOCK) == INFO[:-1] + b"\3\0\0" + TRANSCODED[len(INFO) :]


@pytest.mark.parametrize("kind", ["JSON", "AggregateFunction(sum, UInt8)", "Variant(String)"])
def test_a_type_without_a_rule_says_what_to_do(kind: str) -> None:
    block = b"\1\1\1x" + bytes([len(kind)]) + kind.encode() + b"\0"
    with pytest.raises(QueryError, match="cast it"):
        Transcoder(54_460).feed(block)
