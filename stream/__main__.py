"""`flowatlas stream`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from logging import CRITICAL, ERROR
from typing import NoReturn

import click
import typed_settings as ts
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from stream import memory
from stream.app import StreamApp, build
from stream.errors import KafkaUnreachableError
from stream.settings import LOADERS, Settings

log = logging.getLogger(__name__)

THREADS_GRACE = 1.0
QUIET = {
    "faust": CRITICAL,
    "mode": CRITICAL,
    "aiokafka": ERROR,
    "clickhouse_connect": CRITICAL,
    "urllib3": ERROR,
}
"""Libraries that log, with tracebacks, what here is retried or ends the worker with a sentence."""


@click.command("stream", help="Consume flows from Kafka, resolve them, insert window rows.")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    threading.excepthook = tell
    memory.keep()
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    status = 0
    try:
        asyncio.run(serve(settings))
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except Exception:
        log.exception("worker failed")
        status = 1
    end(status)


async def serve(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, then drains. Raises what ended the worker, if anything did."""
    app = build(settings)
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    working = asyncio.create_task(_work(app, asked))
    stopping = asyncio.create_task(asked.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if working.done():
            working.result()
        else:
            working.cancel()
    finally:
        stopping.cancel()
        await app.stop()
    if isinstance(app.failure, KafkaError):
        raise KafkaUnreachableError(settings.kafka, str(app.failure)) from app.failure
    if app.failure:
        raise app.failure


async def _work(app: StreamApp, asked: asyncio.Event) -> None:
    await app.start()
    log.info("stream started topic=%s group=%s", app.settings.topic, app.settings.group)
    await app.wait_first(asked.wait())


def tell(what: threading.ExceptHookArgs) -> None:
    """Of a thread's end; whatever failed in it for good has ended the worker with a sentence."""
    log.warning('thread ended error="%r"', what.exc_value)


def end(status: int) -> NoReturn:
    """Ends the process, which Python would keep for a thread that waits for an answer."""
    deadline = time.monotonic() + THREADS_GRACE
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    for thread in others:
        if not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() and not thread.daemon for thread in others):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    command()
