"""`flowatlas inventory`."""

from __future__ import annotations

import asyncio
import logging
import signal

import click
import typed_settings as ts

from stream.watch.api import connect
from stream.watch.app import Watcher
from stream.watch.settings import LOADERS, Settings


@click.command("inventory", help="Watch the Kubernetes API, keep topic `inventory` as it is.")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    asyncio.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM."""
    client = None if settings.file else connect(settings.kubeconfig, settings.context)
    watcher = Watcher(settings, client)
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await watcher.run(asked)


if __name__ == "__main__":
    command()
