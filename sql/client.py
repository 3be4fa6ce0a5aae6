"""The one way to ClickHouse: clickhouse-connect over HTTP, server and embedded engine alike."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from urllib3.exceptions import HTTPError

from sql.errors import AddressError, QueryError, RefusedError, UnreachableError
from sql.settings import ClickHouse

DEFAULT_PORTS = {"http": 8123, "https": 8443}
UNANSWERED = (OperationalError, HTTPError, OSError)
"""What clickhouse-connect raises when no answer came, as opposed to an error for an answer."""

# clickhouse-connect logs what it also raises; without logging configured, raising is enough.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


def connect(settings: ClickHouse, **client_options: Any) -> Client:
    """A client without a session, so that threads may share it.

    `client_options` go to clickhouse_connect.get_client. Blocks until ClickHouse has told its
    version. Raises AddressError, RefusedError (user, password, database), or UnreachableError,
    which alone is worth a retry.
    """
    address = urlsplit(settings.url)
    if address.scheme not in DEFAULT_PORTS or not address.hostname:
        raise AddressError(settings.url)
    options = {"autogenerate_session_id": False, "connect_timeout": 5} | client_options
    try:
        return clickhouse_connect.get_client(
            interface=address.scheme,
            host=address.hostname,
            port=address.port or DEFAULT_PORTS[address.scheme],
            username=settings.user,
            password=settings.password,
            database=settings.database,
            **options,
        )
    except UNANSWERED as error:
        raise UnreachableError(settings.url, reason(error)) from error
    except DatabaseError as error:
        raise RefusedError(settings.url, reason(error)) from error


@contextmanager
def queries(settings: ClickHouse) -> Iterator[None]:
    """Turns what clickhouse-connect raises inside into UnreachableError or QueryError."""
    try:
        yield
    except UNANSWERED as error:
        raise UnreachableError(settings.url, reason(error)) from error
    except ClickHouseError as error:
        raise QueryError(reason(error)) from error


def reason(error: BaseException) -> str:
    """The first line of what went wrong, without stack and version."""
    if refused := re.search(r"\[Errno -?\d+\] ([\w ]+)", str(error)):
        return refused.group(1)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = next((line for line in lines if "DB::Exception: " in line), lines[0])
    return text.split("DB::Exception: ")[-1].split(" (version ")[0].strip().rstrip(".")
