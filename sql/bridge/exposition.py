"""The bridge's HTTP port. What a scrape gets was written when the numbers were read.

The client library writes 50,000 samples a second or so, and a budget of series is several times
that; so the traffic is written here, in both of the library's formats, and kept compressed.
"""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics

from sql.bridge.counters import Key, Totals
from sql.bridge.families import SERVED, Counter, Group, Histogram
from sql.errors import PortTakenError

END = b"# EOF\n"
BOUNDS = [f"{2 ** (bucket + 5) / 1e6:.9g}" for bucket in SERVED]


class Format(NamedTuple):
    """How numbers are written: the library's two text formats."""

    accepted: str
    content_type: str
    own: Callable[[CollectorRegistry], bytes]
    """What writes the bridge's own metrics."""
    open: bool


TEXT = Format("text/plain", CONTENT_TYPE_PLAIN_0_0_4, generate_latest, open=False)
OPEN = Format(
    "application/openmetrics-text",
    openmetrics.CONTENT_TYPE_LATEST,
    openmetrics.generate_latest,
    open=True,
)


class Page(NamedTuple):
    """A body, plain and as gzip has it."""

    plain: bytes
    compressed: bytes


class Snapshot(NamedTuple):
    """A group's series at one moment."""

    group: Group
    values: Mapping[Key, Totals]
    created: Mapping[Key, float]


Traffic = list[Snapshot]


class Exposition:
    """Serves the pages last written. A scrape changes nothing, so any number may scrape."""

    def __init__(self, registry: CollectorRegistry, created: bool = True) -> None:
        self._registry = registry
        self._created = created
        self._traffic: Traffic = []
        self._pages: dict[Format, Page] = {}
        self._writing = Lock()
        self._server: ThreadingHTTPServer | None = None

    def start(self, address: str, port: int) -> None:
        """Answer from now on, in threads of its own. Raises PortTakenError."""
        try:
            self._server = _Server((address, port), self._handler())
        except OSError as error:
            raise PortTakenError(address, port) from error
        Thread(target=self._server.serve_forever, name="exposition", daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def publish(self, traffic: Traffic | None = None) -> None:
        """Serve this from now on, or what was served with the bridge's own metrics of now, in the
        formats that have been asked for. Blocks while it writes."""
        with self._writing:
            self._traffic = traffic or self._traffic
            self._pages = {form: self._write(form) for form in self._pages or (OPEN,)}

    def page(self, form: Format) -> Page:
        """What a scrape gets. The first one in a format waits until it is written."""
        if (page := self._pages.get(form)) is None:
            with self._writing:
                page = self._write(form)
                self._pages = {**self._pages, form: page}
        return page

    def _write(self, form: Format) -> Page:
        created = form.open and self._created
        lines = [line for told in self._traffic for line in _group(told, form.open, created)]
        own = form.own(self._registry).removesuffix(END)
        plain = b"".join([own, "".join(lines).encode(), END if form.open else b""])
        return Page(plain, gzip.compress(plain, compresslevel=1))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        page = self.page

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                form = OPEN if OPEN.accepted in self.headers.get("Accept", "") else TEXT
                body, compressed = page(form)
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", form.content_type)
                self.send_header("Vary", "Accept, Accept-Encoding")
                if "gzip" in self.headers.get("Accept-Encoding", ""):
                    body = compressed
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are no news."""

        return Handler


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self, where: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.getaddrinfo(where[0], None, type=socket.SOCK_STREAM)[0][0]
        super().__init__(where, handler)


def _group(told: Snapshot, is_open: bool, created: bool) -> Iterator[str]:
    group = told.group
    series = [
        (_labels(group.labels, key), values.tolist(), f"{told.created[key]:.3f}" if created else "")
        for key, values in told.values.items()
    ]
    for family in group.families:
        yield _head(family, is_open)
        own = slice(group.places[family.name], group.places[family.name] + family.width)
        for labels, values, since in series:
            if isinstance(family, Counter):
                yield _counter(family, labels, values[own], since)
            else:
                yield _histogram(family, labels, values[own], since)


def _head(family: Counter | Histogram, is_open: bool) -> str:
    kind = "counter" if isinstance(family, Counter) else "histogram"
    name = family.name if is_open or kind == "histogram" else f"{family.name}_total"
    unit = f"# UNIT {name} {family.unit}\n" if is_open and family.unit else ""
    return f"# HELP {name} {family.about}\n# TYPE {name} {kind}\n{unit}"


def _counter(family: Counter, labels: str, values: list[int], created: str) -> str:
    name, lines = family.name, ""
    for own, value in zip(family.values, values, strict=True):
        all_labels = f'{labels},{family.label}="{own}"' if family.label else labels
        number = value if family.divisor == 1 else value / family.divisor
        lines += f"{name}_total{{{all_labels}}} {number}\n"
        if created:
            lines += f"{name}_created{{{all_labels}}} {created}\n"
    return lines


def _histogram(family: Histogram, labels: str, values: list[int], created: str) -> str:
    name, (count, microseconds, *buckets) = family.name, values
    below = sum(buckets[: SERVED.start])
    lines = ""
    for bound, bucket in zip(BOUNDS, buckets[SERVED.start :], strict=False):
        below += bucket
        lines += f'{name}_bucket{{{labels},le="{bound}"}} {below}\n'
    lines += f'{name}_bucket{{{labels},le="+Inf"}} {count}\n'
    lines += f"{name}_count{{{labels}}} {count}\n{name}_sum{{{labels}}} {microseconds / 1e6}\n"
    if created:
        lines += f"{name}_created{{{labels}}} {created}\n"
    return lines


def _labels(names: Iterable[str], key: Key) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, key, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
