"""AWS's ip-ranges.json: what it says, and a copy of it that is kept up to date."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from stream import metrics
from stream.errors import MalformedFileError
from stream.evidence import Method
from stream.prefixes import Class, Prefix

log = logging.getLogger(__name__)

URL = "https://ip-ranges.amazonaws.com/ip-ranges.json"
"""https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html"""
ORIGIN = f"`curl -O {URL}`"

FAMILIES = (("prefixes", "ip_prefix", IPv4Network), ("ipv6_prefixes", "ipv6_prefix", IPv6Network))
LONGEST = 1 << 26
"""Bytes of an answer that are read: thirty times as many as AWS sends."""
RETRY_SECONDS = 60.0
NOT_MODIFIED = 304


def read(path: Path) -> list[Prefix]:
    """The prefixes of a file. Raises MalformedFileError."""
    try:
        return parse(path.read_bytes(), path)
    except OSError as error:
        raise MalformedFileError(path, str(error.strerror), ORIGIN) from error


def parse(content: bytes, source: Path) -> list[Prefix]:
    """All prefixes, as AWS orders them. Raises MalformedFileError naming `source` and the field."""

    def malformed(problem: str) -> MalformedFileError:
        return MalformedFileError(source, problem, ORIGIN)

    def word(where: str, entry: Any, key: str) -> str:
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, str):
            problem = "is missing" if value is None else f"is not text: {value!r}"
            raise malformed(f"field {where}{key} {problem}")
        return value

    def prefixes(document: dict[str, Any]) -> Iterator[Prefix]:
        for family, key, network in FAMILIES:
            if not isinstance(document.get(family), list) or not document[family]:
                raise malformed(f"field {family} is missing or empty")
            for place, entry in enumerate(document[family]):
                where = f"{family}[{place}]."
                text = word(where, entry, key)
                try:
                    network(text)
                except ValueError as error:
                    raise malformed(f"field {where}{key} is no network: {text!r}") from error
                service, region = word(where, entry, "service"), word(where, entry, "region")
                yield Prefix(text, Class("aws_service", service, region, Method.IP_RANGES))

    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise malformed(f"is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise malformed("is not AWS's list of ranges")
    token = word("", document, "syncToken")
    if not token.isdecimal():
        raise malformed(f"field syncToken is not a time: {token!r}")
    found = list(prefixes(document))
    metrics.ip_ranges_published.set(int(token))
    return found


@dataclass(frozen=True)
class Validators:
    """What the server is asked by whether a copy is still the newest, and when it last was."""

    sha256: str = ""
    etag: str = ""
    last_modified: str = ""
    checked: float = 0.0

    def headers(self, content_hash: str) -> dict[str, str]:
        """Conditions of a request; none where the copy is not what the server once sent."""
        if not content_hash or content_hash != self.sha256:
            return {}
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in found.items() if value}


class Copy:
    """A copy of ip-ranges.json in a directory, where workers of one host may share it.

    every: seconds between questions to the server. stale_after: seconds without an answer
    after which a warning says how old the copy is. Nothing here stops the worker.
    """

    def __init__(
        self,
        directory: Path,
        *,
        url: str = URL,
        every: float = 3600.0,
        stale_after: float = 7 * 86400.0,
        timeout: float = 20.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = directory / "ip-ranges.json"
        self._state = directory / "ip-ranges.state.json"
        self._rejected = directory / "ip-ranges.rejected.json"
        self._url = url
        self._every = every
        self._stale_after = stale_after
        self._timeout = timeout
        self._clock = clock
        self._next = 0.0

    def refresh(self) -> bool:
        """Asks the server if it is time to; says whether there is a new copy. Blocks for the
        network. What goes wrong is logged and counted, and the last good copy stays."""
        now = self._clock()
        if now < self._next:
            return False
        state = self._read_state()
        due = state.checked + self._every if self.path.exists() else 0.0
        if now < due:
            self._next = due
            metrics.ip_ranges_checked.set(state.checked)
            return False
        self._next = now + min(RETRY_SECONDS, self._every)
        try:
            fetched = self._fetch(state, now)
        except MalformedFileError as error:
            metrics.ip_ranges_failures.inc()
            log.error("ip-ranges not used, last good version stays: %s", error.message)
        except (OSError, HTTPException) as error:
            metrics.ip_ranges_failures.inc()
            self._warn(state, now, error)
        else:
            self._next = now + self._every
            metrics.ip_ranges_checked.set(now)
            return fetched
        return False

    def _fetch(self, state: Validators, now: float) -> bool:
        """Raises OSError (as are urllib's errors), HTTPException and MalformedFileError; what AWS
        cannot have meant is kept beside the copy, to be looked at."""
        kept = hashlib.sha256(self.path.read_bytes()).hexdigest() if self.path.exists() else ""
        request = urllib.request.Request(self._url, headers=state.headers(kept))
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                content = answer.read(LONGEST)
                headers = answer.headers
        except HTTPError as error:
            error.close()
            if error.code != NOT_MODIFIED:
                raise
            self._write_state(Validators(kept, state.etag, state.last_modified, now))
            return False
        try:
            count = len(parse(content, self._rejected))
        except MalformedFileError:
            _replace(self._rejected, content)
            raise
        new = hashlib.sha256(content).hexdigest()
        # The copy first: a state that does not belong to it is merely not used.
        _replace(self.path, content)
        self._write_state(
            Validators(new, headers.get("ETag", ""), headers.get("Last-Modified", ""), now)
        )
        log.info("ip-ranges fetched prefixes=%d bytes=%d", count, len(content))
        return new != kept

    def _warn(self, state: Validators, now: float, error: Exception) -> None:
        reason = getattr(error, "reason", None) or error
        if not self.path.exists():
            log.warning('ip-ranges not fetched, AWS counts as internet reason="%s"', reason)
        elif now - state.checked > self._stale_after:
            days = (now - state.checked) / 86400
            log.warning('ip-ranges stale, in use days=%.1f reason="%s"', days, reason)
        else:
            log.warning('ip-ranges not fetched, last good version stays reason="%s"', reason)

    def _read_state(self) -> Validators:
        with suppress(OSError, ValueError, TypeError):
            return Validators(**json.loads(self._state.read_bytes()))
        return Validators()

    def _write_state(self, state: Validators) -> None:
        _replace(self._state, json.dumps(asdict(state)).encode())


def _replace(path: Path, content: bytes) -> None:
    """All of the content or none of it, whatever happens and whoever else writes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
