"""Serves the agent's metrics over HTTP."""

from __future__ import annotations

import errno
from collections.abc import Callable

from prometheus_client import start_http_server

from agent.errors import PortTakenError


def serve(host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Listen at once, in a thread. Returns the port and what stops it. Raises PortTakenError."""
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"port {port} on {host} is taken: stop what listens there, "
                "or choose another with --metrics-port"
            ) from error
        raise PortTakenError(
            f"metrics cannot be served on {host}:{port} ({error.strerror}): "
            "choose another address with --metrics-host and --metrics-port"
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, stop
