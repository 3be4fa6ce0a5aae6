"""`flowatlas server`: the embedded ClickHouse until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

import click
import typed_settings as ts
from aiohttp import web

from sql.server.app import App, Threads
from sql.server.engine import Engine
from sql.server.errors import PortTakenError
from sql.server.settings import Settings
from sql.settings import loaders

log = logging.getLogger(__name__)

GRACE_SECONDS = 2.0
"""How long requests under way may take to end before they are cut off."""


@click.command("server", help="Run the embedded ClickHouse behind its HTTP interface.")
@ts.click_options(Settings, loaders("server"), show_envvars_in_help=True)
def command(settings: Settings) -> None:
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    engine = Engine(Path(settings.path).absolute())
    engine.start()
    try:
        asyncio.run(serve(engine, settings))
    finally:
        engine.stop()
    log.info("server stopped")


async def serve(engine: Engine, settings: Settings) -> None:
    """Answer until a signal comes; then let the requests under way end. Raises PortTakenError."""
    stopping = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    threads = Threads(settings)
    app = App(engine, threads, settings).application()
    runner = web.AppRunner(
        app,
        auto_decompress=False,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=GRACE_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        log.info("server ready url=http://%s:%d path=%s", *_where(runner), settings.path)
        await stopping.wait()
        await asyncio.to_thread(engine.break_off_merges)
    except OSError as error:
        raise PortTakenError(settings.host, settings.port, str(error)) from None
    finally:
        await runner.cleanup()
        await asyncio.to_thread(threads.shutdown)  # cancelled requests are still being killed


def _where(runner: web.AppRunner) -> tuple[str, int]:
    host, port = runner.addresses[0][:2]
    return host, port


if __name__ == "__main__":
    command()
