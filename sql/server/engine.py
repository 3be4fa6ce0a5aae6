"""The engine: chDB on one data directory, connections to it, and statements run on them.

Everything here blocks and is called from worker threads. Connections are cheap (half a
millisecond) and independent: each request has its own, so its settings end with it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

import chdb
from chdb import ChdbError

from sql.server import statement
from sql.server.errors import DataDirectoryError, DataDirectoryLockedError, EngineError, QueryError
from sql.server.parsed import Parsed
from sql.server.tokens import forget_lost

log = logging.getLogger(__name__)


def quote(text: str) -> str:
    """A ClickHouse string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Connection:
    """One connection: its settings and current database are its own."""

    def __init__(self, chdb_connection: Any, parsed: Parsed) -> None:
        self._connection = chdb_connection
        self._parsed = parsed

    def close(self) -> None:
        self._connection.close()

    def query(self, sql: str, output_format: str = "TabSeparated") -> Any:
        """chDB's result of `sql`, whole in memory. Raises EngineError."""
        try:
            # bytes: a string literal may hold any, text in UTF-8 or not
            return self._connection.query(sql.encode(errors="surrogateescape"), output_format)
        except (ChdbError, RuntimeError) as error:
            raise EngineError(error) from None

    def set(self, settings: Mapping[str, str]) -> None:
        """Apply settings by name; the engine judges names and values. Raises QueryError."""
        for name in settings:
            if not name.isidentifier() or not name.isascii():
                raise QueryError(115, "UNKNOWN_SETTING", f"Unknown setting {quote(name)}.")
        statement.refuse_outward(settings)
        if settings:
            self.query("SET " + ", ".join(f"{k} = {quote(v)}" for k, v in settings.items()))

    def use(self, database: str) -> None:
        escaped = database.replace("\\", "\\\\").replace("`", "\\`")
        self.query(f"USE `{escaped}`")

    def parse(self, text: str) -> statement.Statement:
        """The one statement in `text`. Raises QueryError for several, none, or a forbidden one."""
        return self._parsed.get(text, self._parse)

    def _parse(self, text: str) -> statement.Statement:
        try:
            rendered = self.query(f"SELECT formatQuerySingleLine({quote(text)})", "TSVRaw")
        except EngineError as error:
            reason = str(error).partition("DB::Exception: ")[2].partition(": In scope SELECT ")[0]
            raise QueryError(error.code, "SYNTAX_ERROR", reason) from None
        return statement.inspect(rendered.bytes().decode(errors="surrogateescape").rstrip("\n"))

    def insert(self, sql: str, input_format: str) -> Insert:
        """Begin an INSERT whose data comes in pieces. Raises EngineError."""
        try:
            return Insert(self._connection.send_insert(sql, input_format))
        except (ChdbError, RuntimeError) as error:
            raise EngineError(error) from None


class Insert:
    """An INSERT under way: nothing is promised before `finish` returns."""

    def __init__(self, inserter: Any) -> None:
        self._inserter = inserter

    def append(self, data: bytes) -> None:
        try:
            self._inserter.append(data)
        except RuntimeError as error:
            self.cancel()
            raise EngineError(error) from None

    def finish(self) -> Any:
        """Commit; the result has rows_written, bytes_written and elapsed (seconds)."""
        try:
            return self._inserter.finish()
        except RuntimeError as error:
            raise EngineError(error) from None

    def cancel(self) -> None:
        """Give up. Blocks already handed to a table stay, as in ClickHouse."""
        self._inserter.cancel()


class Engine:
    """The engine of this process: chDB holds one data directory per process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: TextIO | None = None
        self._anchor: Connection | None = None
        self._connection_string = ""
        self._parsed = Parsed()
        self.version = ""

    def start(self) -> None:
        """Open, or make, the data directory. Raises DataDirectory(Locked)Error."""
        os.environ["TZ"] = "UTC"  # the engine takes its server time zone from the process
        time.tzset()
        self._claim()
        if lost := forget_lost(self._path):
            log.warning("inserts cut off, to be repeated tokens=%d", lost)
        config = files("sql.server") / "engine.xml"
        self._connection_string = f"{self._path}?config-file={config}&users_config={config}"
        try:
            self._anchor = self.connect()
        except RuntimeError as error:
            raise DataDirectoryError(str(self._path), str(error)) from None
        self._replace_default_database(self._anchor)
        self.version = self._anchor.query("SELECT version()").bytes().decode().strip()

    def break_off_merges(self) -> None:
        """Until the next start, when they are begun again: an OPTIMIZE can take many minutes."""
        assert self._anchor is not None
        self._anchor.query("SYSTEM STOP MERGES")

    def stop(self) -> None:
        """Close the engine: parts under way are finished or forgotten, none is left half."""
        if self._anchor:
            self._anchor.close()
        if self._lock:
            self._lock.close()

    def connect(self) -> Connection:
        made = chdb.connect(self._connection_string)  # type: ignore[no-untyped-call]
        return Connection(made, self._parsed)

    def kill(self, tag: str) -> None:
        """Stop the statements that begin with the comment `tag`, soon, without waiting."""
        connection = self.connect()
        try:
            connection.query(f"KILL QUERY WHERE startsWith(query, {quote(tag)}) ASYNC")
        finally:
            connection.close()

    def _claim(self) -> None:
        """Lock the directory: chDB itself would let a second process corrupt it."""
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (self._path / "flowatlas.lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryLockedError(str(self._path)) from None
        except OSError as error:
            raise DataDirectoryError(str(self._path), str(error)) from None

    def _replace_default_database(self, connection: Connection) -> None:
        """chDB lays files over the database `default`; keep the tables, drop the files.

        The engine cannot attach a `default` that it left without a table: that one is made anew.
        """
        connection.query("DETACH DATABASE default")
        try:
            connection.query("ATTACH DATABASE default")
        except EngineError:
            metadata = self._path / "metadata"
            if any((metadata / "default").glob("*.sql")):
                raise
            (metadata / "default.sql").unlink(missing_ok=True)
            (metadata / "default.sql.tmp").unlink(missing_ok=True)
            connection.query("CREATE DATABASE default ENGINE = Atomic")
