"""Content encodings: Python's decoders for bodies coming in, the engine's encoders for answers."""

from __future__ import annotations

import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol

import lz4.frame  # type: ignore[import-untyped]

from sql.server.errors import QueryError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENGINE_ENCODINGS = ("zstd", "lz4", "gzip", "br", "deflate")
"""What the engine can encode an answer with, preferred first."""


ENCODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16),
    "deflate": lambda: zlib.compressobj(1),
}
"""For what is not sent as the engine writes it: objects with compress and flush."""


class Decoder(Protocol):
    """A decoder of one frame, as zlib, zstd and lz4 all have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes) -> bytes: ...


def _gzip_or_zlib() -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS | 32)


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": _gzip_or_zlib,
    "deflate": _gzip_or_zlib,
    "zstd": zstd.ZstdDecompressor,
    "lz4": lz4.frame.LZ4FrameDecompressor,
}


def negotiate(accepted: str, among: Iterable[str] = ENGINE_ENCODINGS) -> str | None:
    """The encoding for an Accept-Encoding header; None to leave the answer as it is."""
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    return next((name for name in among if name in names), None)


async def decode(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The chunks without their Content-Encoding; several frames one after another are one body."""
    if encoding in ("", "identity"):
        async for chunk in chunks:
            yield chunk
        return
    if encoding not in DECODERS:
        raise QueryError(48, "NOT_IMPLEMENTED", f"Unknown Content-Encoding {encoding}")
    decoder = None
    async for chunk in chunks:
        rest = chunk
        while rest:
            decoder = decoder or DECODERS[encoding]()
            try:
                yield decoder.decompress(rest)
            except (zlib.error, zstd.ZstdError, RuntimeError) as error:
                reason = f"The body is not {encoding}: {error}"
                raise QueryError(354, "ZLIB_INFLATE_FAILED", reason) from None
            rest = b""
            if decoder.eof:
                rest, decoder = decoder.unused_data or b"", None
    if decoder is not None:
        raise QueryError(3, "UNEXPECTED_END_OF_FILE", f"The {encoding} body ends too early.")
