"""The metrics endpoint."""

from __future__ import annotations

from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from stream.errors import PortTakenError


class Exposition:
    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self._server: WSGIServer | None = None

    def start(self) -> None:
        """Serves from a thread of its own. Raises PortTakenError."""
        try:
            self._server, _ = start_http_server(self._port, self._address)
        except OSError as error:
            raise PortTakenError(self._address, self._port, str(error.strerror)) from error

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
