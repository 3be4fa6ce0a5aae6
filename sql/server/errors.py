"""What goes wrong: queries, told to the client as ClickHouse tells them, and starting."""

from __future__ import annotations

import re
from http import HTTPStatus

import click

# ClickHouse's own table, src/Server/HTTP/exceptionCodeToHTTPStatus.cpp; what is not named is 500.
STATUS_OF_CODES: dict[HTTPStatus, frozenset[int]] = {
    # fmt: off
    HTTPStatus.BAD_REQUEST: frozenset(
        (
            6,
            8,
            15,
            25,
            26,
            27,
            36,
            38,
            41,
            44,
            53,
            62,
            63,
            67,
            69,
            72,
            117,
            167,
            168,
            190,
            376,
            427,
            441,
            675,
            676,
        )
    ),
    HTTPStatus.UNAUTHORIZED: frozenset((194,)),
    HTTPStatus.FORBIDDEN: frozenset((192, 193, 497, 512, 516)),
    HTTPStatus.NOT_FOUND: frozenset((46, 47, 50, 56, 60, 73, 81, 82, 110, 115, 511)),
    HTTPStatus.REQUEST_TIMEOUT: frozenset((159,)),
    HTTPStatus.LENGTH_REQUIRED: frozenset((381,)),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: frozenset((223,)),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: frozenset((415,)),
    HTTPStatus.NOT_IMPLEMENTED: frozenset((48,)),
    HTTPStatus.SERVICE_UNAVAILABLE: frozenset((76, 209, 439)),
    # fmt: on
}
_MESSAGE = re.compile(r"Code: (\d+)\. .*", re.DOTALL)


class QueryError(Exception):
    """A query that failed or was refused, with ClickHouse's code for the reason."""

    def __init__(self, code: int, name: str, reason: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {reason} ({name})")
        self.code = code

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that ClickHouse gives to the code."""
        for status, codes in STATUS_OF_CODES.items():
            if self.code in codes:
                return status
        return HTTPStatus.INTERNAL_SERVER_ERROR


class EngineError(QueryError):
    """An exception of the engine, in its own words."""

    def __init__(self, error: Exception) -> None:
        found = _MESSAGE.search(str(error))
        Exception.__init__(self, found[0].strip() if found else f"Code: 1002. {error}")
        self.code = int(found[1]) if found else 1002


class StartError(click.ClickException):
    """The server cannot start; the message says what to do."""


class PortTakenError(StartError):
    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} ({reason}); stop what listens there or choose another "
            "port with --port"
        )


class DataDirectoryError(StartError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"cannot open the data directory {path} ({reason}); choose another one with --path"
        )


class DataDirectoryLockedError(StartError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"the data directory {path} is in use by another server; stop that one or choose "
            "another directory with --path"
        )
