"""One HTTP request as ClickHouse's interface reads it: URL parameters, headers, body."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import BasicAuth, web
from aiohttp.web_request import FileField

from sql.server import compression
from sql.server.errors import QueryError
from sql.server.native import CUSTOM_LAYOUT
from sql.server.statement import data_offset

# Parameters that the HTTP interface itself consumes: they never reach the engine as settings.
_OF_THE_INTERFACE = frozenset(
    (
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "http_zlib_compression_level",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "user",
        "wait_end_of_query",
    )
)
_MAX_QUERY_SIZE = 262_144
_DEFAULT_SESSION_SECONDS = 60.0


@dataclass(frozen=True)
class Request:
    """What the client asks for; the SQL itself may still be in `body`."""

    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]
    query_id: str
    changes_nothing: bool
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def credentials(self) -> tuple[str, str]:
        """User and password: Basic, X-ClickHouse-* or the URL's. Raises QueryError (516)."""
        if header := self.headers.get("Authorization"):
            try:
                basic = BasicAuth.decode(header, encoding="utf-8")
            except ValueError:
                reason = "Only HTTP Basic authentication is supported."
                raise QueryError(516, "AUTHENTICATION_FAILED", reason) from None
            return basic.login, basic.password
        if "X-ClickHouse-User" in self.headers or "X-ClickHouse-Key" in self.headers:
            user = self.headers.get("X-ClickHouse-User", "default")
            return user, self.headers.get("X-ClickHouse-Key", "")
        return self.parameters.get("user") or "default", self.parameters.get("password", "")

    @property
    def database(self) -> str:
        chosen = self.parameters.get("database") or self.headers.get("X-ClickHouse-Database", "")
        return "" if chosen == "default" else chosen

    @property
    def default_format(self) -> str:
        chosen = self.parameters.get("default_format") or self.headers.get("X-ClickHouse-Format")
        if chosen and not chosen.isalnum():
            raise QueryError(73, "UNKNOWN_FORMAT", f"Unknown format {chosen}")
        return chosen or "TabSeparated"

    def encoding(self, among: Iterable[str]) -> str | None:
        """How the answer is to be encoded, of these the first wanted; None: not at all."""
        if self.parameters.get("enable_http_compression") not in ("1", "true"):
            return None
        return compression.negotiate(self.headers.get("Accept-Encoding", ""), among)

    @property
    def native_revision(self) -> int:
        """Of the protocol, by which Native is to be written; 0: as in files. Clients that ask for
        an older one (clickhouse-connect) find out that they get it as in files, which is faster."""
        text = self.parameters.get("client_protocol_version", "")
        return int(text) if text.isdigit() and int(text) >= CUSTOM_LAYOUT else 0

    @property
    def waits_for_end(self) -> bool:
        return self.parameters.get("wait_end_of_query") in ("1", "true")

    @property
    def session_seconds(self) -> float:
        text = self.parameters.get("session_timeout", "")
        return float(text) if text.isdigit() else _DEFAULT_SESSION_SECONDS

    async def text(self) -> tuple[bytes, bytes | None]:
        """The SQL, from URL and body together, and the first of an INSERT's data, if it is one.

        The rest of the data stays in `body`. Raises QueryError (62) for a text too long.
        """
        wanted = self.settings.get("max_query_size", "")
        limit = int(wanted) if wanted.isdigit() else _MAX_QUERY_SIZE
        in_url = self.parameters.get("query", "").rstrip().rstrip(";")
        text = in_url.encode() + b"\n" if in_url else b""
        end = data_offset(text)
        while end is None and len(text) <= limit:
            chunk = await anext(self.body, None)
            if chunk is None:
                return text, None
            text += chunk
            end = data_offset(text)
        if end is None:
            raise QueryError(62, "SYNTAX_ERROR", f"Max query size exceeded ({limit} bytes).")
        return text[:end], text[end:]


async def read(request: web.Request) -> Request:
    """Read everything but the body. Raises QueryError for what this server does not speak."""
    parameters = dict(request.query)
    if request.content_type == "multipart/form-data":
        form = await request.post()
        if any(isinstance(value, FileField) for value in form.values()):
            raise QueryError(48, "NOT_IMPLEMENTED", "External data is not supported.")
        parameters |= {name: str(value) for name, value in form.items()}
    if parameters.get("compress", "0") != "0" or parameters.get("decompress", "0") != "0":
        reason = "Use enable_http_compression=1 and Content-Encoding in place of (de)compress=1."
        raise QueryError(48, "NOT_IMPLEMENTED", reason)
    encoding = request.headers.get("Content-Encoding", "").lower()
    chunks = request.content.iter_chunked(1 << 20)
    return Request(
        parameters=parameters,
        headers=request.headers,
        body=compression.decode(chunks, encoding),
        query_id=parameters.get("query_id") or str(uuid.uuid4()),
        changes_nothing=request.method != "POST",
        settings={
            name: value for name, value in parameters.items() if name not in _OF_THE_INTERFACE
        },
    )
