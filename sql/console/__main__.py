"""`flowatlas console`: serve the page until SIGINT or SIGTERM."""

from __future__ import annotations

import logging

import click
import typed_settings as ts
import uvicorn

from sql.console.app import application
from sql.console.settings import LOADERS, Settings
from sql.console.store import Store

log = logging.getLogger("console")


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
    log.info("serving url=http://%s:%d", settings.address, settings.port)
    uvicorn.run(
        application(Store(settings)),
        host=settings.address,
        port=settings.port,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    command()
