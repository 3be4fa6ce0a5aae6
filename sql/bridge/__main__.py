"""`flowatlas bridge`: serve Prometheus until SIGINT or SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading

import click
import typed_settings as ts
from prometheus_client import start_http_server

from sql.bridge.metrics import Metrics
from sql.bridge.refresher import Refresher
from sql.bridge.settings import LOADERS, Settings
from sql.errors import PortTakenError

log = logging.getLogger("bridge")


@click.command("bridge")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    """Export traffic by workload pair to Prometheus, read from ClickHouse.

    Without ClickHouse the last values stay, flowatlas_bridge_up is 0, and it goes on by itself
    when ClickHouse is back. Counters start at 0 with the bridge.
    """
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    metrics = Metrics()
    refresher = Refresher(settings, metrics)
    try:
        server, serving = start_http_server(settings.port, settings.address, metrics.registry)
    except OSError as error:
        raise PortTakenError(settings.address, settings.port) from error
    refresher.start()
    log.info("serving url=http://%s:%d/metrics", settings.address, settings.port)
    stopping.wait()
    refresher.stop()
    server.shutdown()
    serving.join(timeout=5)
    log.info("stopped")


if __name__ == "__main__":
    command()
