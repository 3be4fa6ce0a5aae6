"""Words of 8 bytes to 8 planes of bytes of like weight, and back."""

from __future__ import annotations

import pyarrow as pa

from agent.wire.native import ADDRESS, LONG, Library, Memory, address

WORD = 8

_LIBRARY = Library("agent.wire._transpose")
_transpose = _LIBRARY.function("transpose", Memory, LONG, Memory)
_untranspose = _LIBRARY.function("untranspose", Memory, LONG, ADDRESS)


def transpose(words: pa.Buffer) -> pa.Buffer:
    """The planes of whole words, first that of the bytes of least weight."""
    planes = pa.allocate_buffer(words.size)
    _transpose(words, words.size // WORD, planes)
    return planes


def untranspose(planes: pa.Buffer, into: pa.Buffer, start: int) -> None:
    """Put the words at `start` of a buffer that has room for them."""
    if not 0 <= start <= into.size - planes.size:
        raise ValueError(f"no room for {planes.size} bytes at {start} of {into.size}")
    _untranspose(planes, planes.size // WORD, address(into) + start)
