"""What reads bytes that others made. Each target takes anything, and fails only by raising."""

from __future__ import annotations

import mmap
import os

import numpy as np
import pyarrow as pa

from agent import names, wire
from agent.ring import SLOT_BYTES, MappedRing
from agent.wire.batch import WireError

_RING_BYTES = 1 << 14
_PAGE = mmap.PAGESIZE
_HEADERS = dict(wire.headers(wire.Origin("node", "agent", 0, wire.Ledger())))
_BEFORE_TRANSPOSING = {"schema": _HEADERS["schema"].removesuffix(b"+transposed")}


def ring(content: bytes) -> None:
    """The first 16 bytes are the two positions, the rest is what the data pages hold."""
    descriptor = os.memfd_create("ring")
    try:
        os.truncate(descriptor, 2 * _PAGE + 2 * _RING_BYTES)
        os.pwrite(descriptor, content[:8], 0)
        os.pwrite(descriptor, content[8:16], _PAGE)
        os.pwrite(descriptor, content[16 : 16 + 2 * _RING_BYTES], 2 * _PAGE)
        reader = MappedRing(descriptor, _RING_BYTES)
        taken = len(reader.drain())
        assert taken * SLOT_BYTES <= _RING_BYTES, "more than the ring can hold"
        assert len(reader.drain()) == 0, "records were not let go of"
        reader.close()
    finally:
        os.close(descriptor)


def answer(content: bytes) -> None:
    """A DNS message."""
    names.read(content)


def batch(content: bytes) -> None:
    """A message's value, as it is, as what was compressed, and as one of the first layout."""
    packed = np.frombuffer(content[: len(content) // 8 * 8], "u1").reshape(-1, 8).T.tobytes()
    squeezed = pa.Codec("zstd").compress(packed, asbytes=True)
    for value, headers in (
        (content, _HEADERS),
        (len(packed).to_bytes(4, "little") + squeezed, _HEADERS),
        (content, _HEADERS | _BEFORE_TRANSPOSING),
    ):
        try:
            decoded = wire.decode(value, headers)
        except WireError:
            continue
        decoded.rows.validate(full=True)


TARGETS = {"ring": ring, "answer": answer, "batch": batch}
