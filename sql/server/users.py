"""Who asks, and what they may: two users, told apart by name and password."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sql.server.errors import QueryError
from sql.server.settings import Settings

# What a reader may set for a query of its own: how it is shown and how soon it gives up, never how
# much it may take or reach. (ClickHouse calls these changeable in readonly.)
CHANGEABLE_BY_READERS = (
    "date_time_output_format",
    "extremes",
    "join_use_nulls",
    "log_comment",
    "max_block_size",
    "max_execution_time",
    "max_result_rows",
    "max_threads",
    "output_format_",
    "param_",
    "readonly",
    "result_overflow_mode",
    "session_timezone",
)


@dataclass(frozen=True)
class User:
    """A user; `limits` are the settings that a reader's queries run under, or under less."""

    name: str
    password: str = field(repr=False)
    reads_only: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)

    def allow(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The settings to apply for a request that asks for these. Raises QueryError (164)."""
        if not self.reads_only:
            return dict(settings)
        for name in settings:
            if not name.startswith(CHANGEABLE_BY_READERS):
                reason = f"Cannot modify '{name}' setting in readonly mode."
                raise QueryError(164, "READONLY", reason)
        applied = {**settings, **self.limits}
        for name, most in self.limits.items():
            wanted = settings.get(name, most)
            if wanted.isdecimal() and 0 < int(wanted) < int(most):
                applied[name] = wanted
        applied.pop("readonly", None)
        return applied | {"readonly": "1"}  # last: nothing can be set after it


class Users:
    """The users of the settings."""

    def __init__(self, settings: Settings) -> None:
        limits = {
            "max_execution_time": str(settings.reader_seconds),
            "max_memory_usage": str(settings.reader_memory),
            "max_result_rows": str(settings.reader_rows),
            "max_threads": str(os.cpu_count() or 1),
        }
        known = (
            User("default", settings.password),
            User("reader", settings.reader_password, reads_only=True, limits=limits),
        )
        self._users = {user.name: user for user in known}

    def authenticate(self, name: str, password: str) -> User:
        """The user of that name and password. Raises QueryError (516) for either being wrong."""
        user = self._users.get(name)
        expected = user.password if user else ""
        same = hmac.compare_digest(expected.encode(), password.encode())
        if user is None or not same:
            reason = (
                f"{name}: Authentication failed: password is incorrect, or there is no user with "
                "such name."
            )
            raise QueryError(516, "AUTHENTICATION_FAILED", reason)
        return user
