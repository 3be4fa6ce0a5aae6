"""What goes wrong: queries, told to the client as ClickHouse tells them, and starting."""

from __future__ import annotations

import re
from http import HTTPStatus

import click

# ClickHouse's own table, src/Server/HTTP/exceptionCodeToHTTPStatus.cpp; what is not named is 500.
_CODES_OF_STATUS = {
    HTTPStatus.BAD_REQUEST: "6 8 15 25 26 27 36 37 38 41 44 53 62 72 117 123 167 168 223 321 376 "
    "427 441 675 676",
    HTTPStatus.UNAUTHORIZED: "194",
    HTTPStatus.FORBIDDEN: "192 193 497 512 516",
    HTTPStatus.NOT_FOUND: "46 47 50 56 60 63 73 78 81 115 152 336 511",
    HTTPStatus.REQUEST_TIMEOUT: "159",
    HTTPStatus.LENGTH_REQUIRED: "381",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "229",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "779",
    HTTPStatus.NOT_IMPLEMENTED: "48",
    HTTPStatus.SERVICE_UNAVAILABLE: "76 209 439",
}
_STATUS_OF_CODE = {
    int(code): status for status, codes in _CODES_OF_STATUS.items() for code in codes.split()
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
        return _STATUS_OF_CODE.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)


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
