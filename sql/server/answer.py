"""Answers: the headers that ClickHouse gives, whole answers, and answers in pieces."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from dataclasses import dataclass, field

from aiohttp import web

from sql.server import metrics
from sql.server.errors import QueryError
from sql.server.request import Request

HOST = socket.gethostname()


@dataclass
class Summary:
    """What X-ClickHouse-Summary tells: rows and bytes read and written, nanoseconds taken."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_ns: int = 0

    def header(self) -> str:
        return json.dumps({name: str(value) for name, value in vars(self).items()})


@dataclass
class Answer:
    """The answer to one request: `start` sends the headers, `send` pieces, `finish` the end."""

    http: web.Request
    request: Request | None = None
    send_timeout: float = 60.0
    format: str | None = None
    encoding: str | None = None
    summary: Summary = field(default_factory=Summary)
    _tag: str = field(default_factory=lambda: secrets.token_hex(8))
    _stream: web.StreamResponse | None = None

    @property
    def started(self) -> bool:
        return self._stream is not None

    def whole(self, body: bytes, status: int = 200) -> web.Response:
        """An answer that is known to its end."""
        metrics.SENT.inc(len(body))
        return web.Response(status=status, body=body, headers=self._headers())

    def failure(self, error: QueryError, version: str) -> web.Response:
        """The answer of a query that failed before anything was sent."""
        self.format, self.encoding = None, None
        answer = self.whole(f"{error} (version {version})\n".encode(), error.status)
        answer.headers["X-ClickHouse-Exception-Code"] = str(error.code)
        return answer

    async def send(self, piece: bytes) -> None:
        """Send a piece, the headers before the first. Raises TimeoutError if nobody reads."""
        if self._stream is None:
            headers = self._headers() | {"X-ClickHouse-Exception-Tag": self._tag}
            self._stream = web.StreamResponse(headers=headers)
            await self._stream.prepare(self.http)
        async with asyncio.timeout(self.send_timeout):
            await self._stream.write(piece)
        metrics.SENT.inc(len(piece))

    async def finish(self) -> web.StreamResponse:
        assert self._stream is not None
        await self._stream.write_eof()
        return self._stream

    async def break_off(self, error: QueryError) -> web.StreamResponse:
        """End an answer that failed midway as ClickHouse does: say why, then cut the connection.

        An encoded answer cannot carry the reason; the missing end tells the client all the same.
        """
        assert self._stream is not None
        if self.encoding is None:
            text = f"{error}\n"
            marker = "__exception__"
            block = f"\r\n{marker}\r\n{self._tag}\r\n{text}{len(text)} {self._tag}\r\n{marker}\r\n"
            await self._stream.write(block.encode())
        if self.http.transport is not None:
            self.http.transport.close()
        return self._stream

    def _headers(self) -> dict[str, str]:
        headers = {
            "X-ClickHouse-Server-Display-Name": HOST,
            "X-ClickHouse-Timezone": "UTC",
            "X-ClickHouse-Summary": self.summary.header(),
            "Content-Type": content_type(self.format),
        }
        if self.request:
            headers["X-ClickHouse-Query-Id"] = "".join(
                filter(str.isprintable, self.request.query_id)
            )
        if self.format:
            headers["X-ClickHouse-Format"] = self.format
        if self.encoding:
            headers["Content-Encoding"] = self.encoding
        return headers


def content_type(output_format: str | None) -> str:
    """The media type of a format, as ClickHouse's formats name it."""
    name = output_format or ""
    if name.startswith("JSON") and "EachRow" not in name:
        return "application/json; charset=UTF-8"
    if name.startswith(("TabSeparated", "TSV")):
        return "text/tab-separated-values; charset=UTF-8"
    if name.startswith("CSV"):
        return "text/csv; charset=UTF-8"
    if name in ("Native", "RowBinary", "Arrow", "ArrowStream", "Parquet", "ORC", "Avro", "MsgPack"):
        return "application/octet-stream"
    return "text/plain; charset=UTF-8"
