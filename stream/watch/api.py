"""Lists and watches, by the official client: its configuration, credentials and connections. Its
models are passed by, because they take objects whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException
from msgspec import Raw, Struct, field
from urllib3.exceptions import HTTPError

from stream.watch.errors import ForbiddenError, LoginError, NoClusterError, ResourceMissingError
from stream.watch.resources import RESOURCES, Resource

PAGE = 500
"""Objects a request, as kubectl asks."""
WATCH_SECONDS = 240
"""After which the API ends a watch, up to half as long again: not all at once."""
CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0


class ListMetadata(Struct, rename="camel"):
    resource_version: str = ""
    next: str | None = field(name="continue", default=None)


class Page(Struct):
    metadata: ListMetadata
    items: list[Raw] | None = None


class Line(Struct):
    type: str
    object: Raw


class Event(NamedTuple):
    """`version` is where a watch goes on after it."""

    type: str
    object: Raw
    version: str


class _Versioned(Struct):
    metadata: ListMetadata


class Status(Struct, rename="camel"):
    code: int = 0
    message: str | None = None


class ExpiredError(Exception):
    """410 Gone: what happened since that version, or the rest of that list, is not kept."""


class UnavailableError(Exception):
    """To be tried again, after `seconds` if the API said so."""

    def __init__(self, detail: str, code: str, seconds: float = 0.0) -> None:
        super().__init__(detail)
        self.code = code
        self.seconds = seconds


_pages = msgspec.json.Decoder(Page)
_lines = msgspec.json.Decoder(Line)
_versions = msgspec.json.Decoder(_Versioned)
_statuses = msgspec.json.Decoder(Status)


def connect(kubeconfig: str, context: str) -> ApiClient:
    """By the file if one is named, else as a pod, else as kubectl does. Asks nothing of the API.
    Raises NoClusterError."""
    configuration = Configuration()
    try:
        if kubeconfig or context or not _in_cluster(configuration):
            config.load_kube_config(  # type: ignore[no-untyped-call]
                kubeconfig or None, context or None, configuration
            )
    except (ConfigException, OSError, ValueError) as error:
        raise NoClusterError(" ".join(str(error).split())) from error
    configuration.retries = False
    configuration.connection_pool_maxsize = len(RESOURCES)
    return ApiClient(configuration)


def _in_cluster(configuration: Configuration) -> bool:
    try:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        return False
    return True


class Api:
    """Blocks. Raises ExpiredError, UnavailableError, and what is fatal of stream.watch.errors."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self.host: str = client.configuration.host
        self._watching: set[Any] = set()
        self._closed = False

    def pages(self, resource: Resource) -> Iterator[Page]:
        """All objects as of one version: that of the last page, which is that of them all."""
        query = {"limit": str(PAGE)}
        while True:
            response = self._get(resource, "list", query, READ_SECONDS)
            try:
                page = _pages.decode(response.data)
            except HTTPError as error:
                raise UnavailableError(str(error), "connection") from error
            except msgspec.DecodeError as error:
                raise UnavailableError(f"sent no list: {error}", "connection") from error
            finally:
                response.release_conn()
            yield page
            if not page.metadata.next:
                return
            query["continue"] = page.metadata.next

    def watch(self, resource: Resource, version: str) -> Iterator[Event]:
        """What happened since, until the connection ends one way or the other. Returns once the
        API has answered."""
        seconds = int(WATCH_SECONDS * random.uniform(1, 1.5))
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        response = self._get(resource, "watch", query, seconds + CONNECT_SECONDS)
        self._watching.add(response)
        if self._closed:
            _shut(response)
        return self._events(response)

    def _events(self, response: Any) -> Iterator[Event]:
        try:
            for line in _split(response):
                yield self._event(line)
        except HTTPError as error:
            raise UnavailableError(str(error), "connection") from error
        finally:
            self._watching.discard(response)
            response.close()

    def close(self) -> None:
        """Ends the watches, in whichever thread they are read, and those that come."""
        self._closed = True
        for response in list(self._watching):
            _shut(response)

    def _get(self, resource: Resource, verb: str, query: dict[str, str], seconds: float) -> Any:
        request = self._client.param_serialize(
            "GET",
            resource.path,
            query_params=list(query.items()),
            header_params={"Accept": resource.accept(verb == "list")},
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._client.call_api(*request, _request_timeout=(CONNECT_SECONDS, seconds))
        except (HTTPError, ApiException, OSError) as error:
            raise UnavailableError(str(error), "connection") from error
        response = answer.response
        if response.status != 200:
            self._refuse(resource, verb, response)
        return response

    def _refuse(self, resource: Resource, verb: str, response: Any) -> None:
        status, said = response.status, ""
        try:
            said = _statuses.decode(response.data).message or ""
        except (HTTPError, msgspec.DecodeError):
            pass
        finally:
            response.release_conn()
        name = f"{resource.name}.{resource.group}".rstrip(".")
        match status:
            case 401:
                raise LoginError(self.host)
            case 403:
                raise ForbiddenError(verb, name, self.host)
            case 404:
                raise ResourceMissingError(resource.path, self.host)
            case 410:
                raise ExpiredError(said)
        after = response.headers.get("Retry-After", "")
        seconds = float(after) if after.isdecimal() else 0.0
        raise UnavailableError(f"{status} {said}".strip(), str(status), seconds)

    @staticmethod
    def _event(line: bytes) -> Event:
        try:
            read = _lines.decode(line)
            if read.type == "ERROR":
                status = _statuses.decode(read.object)
                if status.code == 410:
                    raise ExpiredError(status.message or "")
                raise UnavailableError(status.message or "watch failed", str(status.code))
            return Event(
                read.type, read.object, _versions.decode(read.object).metadata.resource_version
            )
        except msgspec.DecodeError as error:
            raise UnavailableError(f"sent no event: {error}", "connection") from error


def _shut(response: Any) -> None:
    with suppress(ValueError):  # it has ended by itself
        response.shutdown()


def _split(response: Any) -> Iterator[bytes]:
    """Whole lines as they come; what a broken connection leaves of one is nothing."""
    rest = bytearray()
    for chunk in response.stream(amt=None):
        rest += chunk
        end = rest.rfind(b"\n")
        if end >= 0:
            yield from filter(None, bytes(rest[:end]).split(b"\n"))
            del rest[: end + 1]
