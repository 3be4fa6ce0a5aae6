"""Sessions: what a client SET and USEd in earlier requests of one session_id holds in later ones.

A session is its statements, run again on each request's own connection: nothing else of a request
(its URL settings, its read-only mode) can leak into the next.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sql.server.errors import QueryError


@dataclass
class Session:
    """The statements of one session, oldest first."""

    statements: list[str] = field(default_factory=list)
    busy: bool = False
    expires: float = 0.0

    def remember(self, statement: str) -> None:
        """Add a statement; one that was there already moves to the end."""
        if statement in self.statements:
            self.statements.remove(statement)
        self.statements.append(statement)


class Sessions:
    """The sessions alive, by user and id. Not thread-safe: for the event loop only."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}

    @contextmanager
    def use(self, user: str, name: str, timeout: float, check: bool) -> Iterator[Session]:
        """The session of that name, locked for one request; a new one unless `check`.

        No name: a session that nobody sees again. Raises QueryError 372 (not found), 373 (locked).
        """
        self._expire()
        if not name:
            yield Session()
            return
        session = self._sessions.get((user, name))
        if session is None and check:
            raise QueryError(372, "SESSION_NOT_FOUND", f"Session {name} not found")
        session = self._sessions.setdefault((user, name), session or Session())
        if session.busy:
            reason = f"Session {name} is locked by a concurrent client"
            raise QueryError(373, "SESSION_IS_LOCKED", reason)
        session.busy = True
        try:
            yield session
        finally:
            session.busy = False
            session.expires = time.monotonic() + timeout

    def _expire(self) -> None:
        now = time.monotonic()
        for key, session in list(self._sessions.items()):
            if not session.busy and session.expires < now:
                del self._sessions[key]
