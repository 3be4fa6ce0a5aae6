"""Running one query: on a connection of its own, in worker threads, its result through a pipe.

The engine writes a SELECT's result into a pipe in the format and encoding asked for, so an answer
of any size and format streams, in constant memory and with backpressure.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from sql.server import metrics
from sql.server.answer import Answer, Summary
from sql.server.compression import ENCODERS, ENGINE_ENCODINGS
from sql.server.engine import Connection, Engine
from sql.server.errors import QueryError
from sql.server.native import Transcoder
from sql.server.request import Request
from sql.server.sessions import Session
from sql.server.statement import Statement
from sql.server.users import User

log = logging.getLogger(__name__)

T = TypeVar("T")

_HELD_BACK = 1 << 20
"""Bytes of an answer kept until its headers go out: a failure within them has its own status."""


class Query:
    """One query of one request."""

    def __init__(
        self, engine: Engine, threads: Executor, user: User, session: Session, request: Request
    ) -> None:
        self._engine = engine
        self._threads = threads
        self._user = user
        self._session = session
        self._request = request
        self._tag = f"/* {uuid.uuid4()} */"
        self.kind = "NONE"

    async def run(self, answer: Answer) -> web.StreamResponse:
        """The answer, sent or to be sent. Raises QueryError, before or after its first piece."""
        text, data = await self._request.text()
        if not text.strip():
            return answer.whole(b"Ok.\n")
        connection = await asyncio.to_thread(self._engine.connect)
        try:
            parsed = await _to_the_end(asyncio.to_thread(self._prepare, connection, text))
            self.kind = parsed.kind
            if data is not None:
                return await self._insert(connection, parsed, data, answer)
            if parsed.streams:
                return await self._select(connection, parsed, answer)
            return await self._command(connection, parsed, answer)
        finally:
            await asyncio.shield(asyncio.to_thread(connection.close))

    def _prepare(self, connection: Connection, text: bytes) -> Statement:
        """Settle database, settings, rights, then parse; the order keeps rights the last word."""
        for statement in self._session.statements:
            connection.query(statement)
        if self._request.database:
            connection.use(self._request.database)
        settings = self._user.allow(self._request.settings)
        if self._request.changes_nothing and settings.get("readonly", "0") == "0":
            settings["readonly"] = "2"  # GET changes nothing, says ClickHouse
        rights = {"readonly": settings.pop("readonly")} if "readonly" in settings else {}
        connection.set(settings)
        connection.set(rights)
        parsed = connection.parse(text.decode(errors="surrogateescape"))
        if self._user.reads_only and not (parsed.reads or parsed.kind in ("SET", "USE", "INSERT")):
            reason = f"{self._user.name}: Cannot execute query in readonly mode."
            raise QueryError(164, "READONLY", reason)
        return parsed

    async def _command(
        self, connection: Connection, parsed: Statement, answer: Answer
    ) -> web.StreamResponse:
        output_format = parsed.format or self._request.default_format
        sql = f"{self._tag} {parsed.sql}"
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, connection.query, sql, output_format)
        try:
            result = await asyncio.shield(running)
        except asyncio.CancelledError:  # what changes something goes on, as in ClickHouse
            if parsed.reads:
                await asyncio.shield(self._abandon(running))
            await asyncio.wait((running,))
            raise
        if parsed.kind in ("SET", "USE"):
            self._session.remember(parsed.sql)
        body = result.bytes()
        if self._transcoded(output_format):
            body = Transcoder(self._request.native_revision).feed(body)
        answer.format = output_format if parsed.reads or body else None
        answer.summary = _summary(result)
        return answer.whole(body)

    async def _insert(
        self, connection: Connection, parsed: Statement, data: bytes, answer: Answer
    ) -> web.StreamResponse:
        sql, input_format = parsed.without_format(), parsed.format or "Values"
        insert = await self._in_thread(lambda: connection.insert(sql, input_format))
        try:
            piece: bytes | None = data
            while piece is not None:
                metrics.RECEIVED.inc(len(piece))
                await self._in_thread(partial(insert.append, piece))
                piece = await anext(self._request.body, None)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(insert.cancel))
            raise
        written = await self._in_thread(insert.finish)
        answer.summary = Summary(
            written_rows=written.rows_written,
            written_bytes=written.bytes_written,
            elapsed_ns=int(written.elapsed * 1e9),
        )
        return answer.whole(b"")

    async def _select(
        self, connection: Connection, parsed: Statement, answer: Answer
    ) -> web.StreamResponse:
        answer.format = parsed.format or self._request.default_format
        transcoded = self._transcoded(answer.format)
        encodings = ENCODERS if transcoded else ENGINE_ENCODINGS
        answer.encoding = self._request.encoding(encodings)
        source, sink = os.pipe()
        with suppress(OSError):  # a bigger pipe is only faster
            fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, _HELD_BACK)
        target = f"/proc/self/fd/{sink}"
        compression = "none" if transcoded else answer.encoding or "none"
        sql = parsed.into_file(target, self._request.default_format, compression)

        def execute() -> Any:
            try:
                return connection.query(f"{self._tag} {sql}", "Null")
            finally:
                os.close(sink)  # the reader's end of file

        running = asyncio.get_running_loop().run_in_executor(self._threads, execute)
        try:
            return await self._forward(source, running, answer, transcoded)
        except BaseException:
            await asyncio.shield(self._abandon(running))
            raise

    def _transcoded(self, output_format: str) -> bool:
        """Whether the engine's answer is not yet what was asked for."""
        return output_format == "Native" and self._request.native_revision > 0

    async def _forward(
        self, source: int, running: asyncio.Future[Any], answer: Answer, transcoded: bool
    ) -> web.StreamResponse:
        """From the pipe to the client. Owns and closes `source`."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_HELD_BACK)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(source, "rb"))
        held = bytearray()
        transcode = Transcoder(self._request.native_revision).feed if transcoded else bytes
        encoder = ENCODERS[answer.encoding]() if transcoded and answer.encoding else None
        try:
            while piece := await reader.read(_HELD_BACK):
                piece = transcode(piece)
                held += encoder.compress(piece) if encoder else piece
                if len(held) > _HELD_BACK and not self._request.waits_for_end:
                    await answer.send(bytes(held))
                    held.clear()
            result = await asyncio.shield(running)
        finally:
            transport.close()
        held += encoder.flush() if encoder else b""
        answer.summary = _summary(result)
        if not answer.started:
            return answer.whole(bytes(held))
        await answer.send(bytes(held))
        return await answer.finish()

    async def _abandon(self, running: asyncio.Future[Any]) -> None:
        """Stop a query that nobody waits for any more, and see it end."""
        while not running.done():  # the first may come before the engine knows the query
            await asyncio.to_thread(self._engine.kill, self._tag)
            await asyncio.wait((running,), timeout=0.5)
        with suppress(QueryError):
            running.result()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await _to_the_end(loop.run_in_executor(self._threads, function))


async def _to_the_end(step: Awaitable[T]) -> T:
    """The step's result; if cancelled meanwhile, only after the step, for a thread cannot stop."""
    running = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise


def _summary(result: Any) -> Summary:
    return Summary(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        result_rows=result.rows_read(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )
