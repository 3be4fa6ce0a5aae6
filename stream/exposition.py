"""The worker's HTTP port: /health, and its metrics at every other path."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

from stream.errors import PortTakenError

LOOP_PATIENCE = 2.0

Answer = tuple[HTTPStatus, dict[str, Any]]


class Exposition:
    """Served from threads of its own, so that it answers while the event loop is busy, and can tell
    when it is stuck: `health` is asked on the loop."""

    def __init__(self, address: str, port: int, health: Callable[[], Answer]) -> None:
        self._address = address
        self._port = port
        self._health = health
        self._metrics = make_wsgi_app()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: WSGIServer | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serves at once. Raises PortTakenError."""
        self._loop = loop
        try:
            self._server = make_server(
                *(self._address, self._port, self._respond),
                server_class=_server_class(self._address),
                handler_class=_Silent,
            )
        except OSError as error:
            raise PortTakenError(self._address, self._port, str(error.strerror)) from error
        Thread(target=self._server.serve_forever, name="exposition", daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _respond(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/health":
            numbers: Iterable[bytes] = self._metrics(environ, start)
            return numbers
        status, told = self._ask()
        body = json.dumps(told).encode() + b"\n"
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start(f"{status.value} {status.phrase}", headers)
        return [body]

    def _ask(self) -> Answer:
        async def on_the_loop() -> Answer:
            return self._health()

        assert self._loop is not None
        asked = asyncio.run_coroutine_threadsafe(on_the_loop(), self._loop)
        try:
            return asked.result(LOOP_PATIENCE)
        except TimeoutError:
            reason = f"The event loop has been busy for {LOOP_PATIENCE:.0f} s and more."
            return HTTPStatus.SERVICE_UNAVAILABLE, {"state": "stuck", "reason": reason}


def _server_class(address: str) -> type[WSGIServer]:
    family = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)[0][0]

    class Server(ThreadingMixIn, WSGIServer):
        address_family = family
        daemon_threads = True

    return Server


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Scrapes and probes are no news."""
