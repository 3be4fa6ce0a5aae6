"""`flowatlas console`: serve the page until SIGINT or SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from types import FrameType

import click
import typed_settings as ts
import uvicorn

from sql.console.app import application
from sql.console.settings import LOADERS, Settings
from sql.console.store import Store
from sql.errors import PortTakenError

log = logging.getLogger("console")

GRACE_SECONDS = 0.6


@click.command("console")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    """Serve the live service map, which reads ClickHouse as a user that may only read.

    The page is at http://127.0.0.1:8080 unless told otherwise, and its API's description at
    /openapi.json. Without ClickHouse the page says so, and goes on by itself when it is back.
    """
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again when it is done
        signal.signal(number, lambda *_: None)
    listener = _listen(settings.address, settings.port)
    log.info("serving url=http://%s:%d", settings.address, settings.port)
    config = uvicorn.Config(application(Store(settings)), log_level="warning", access_log=False)
    _Server(config).run([listener])


class _Server(uvicorn.Server):
    """Answers what it can in GRACE_SECONDS after a signal. A query may take longer, and a thread
    that waits for one cannot be told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        end = threading.Timer(GRACE_SECONDS, os._exit, [0])
        end.daemon = True
        end.start()


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=2048)
    except OSError as error:
        raise PortTakenError(address, port) from error


if __name__ == "__main__":
    command()
