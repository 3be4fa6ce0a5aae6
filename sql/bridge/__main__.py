"""`flowatlas bridge`: serve Prometheus until SIGINT or SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading

import click
import typed_settings as ts

from sql.bridge.exposition import Exposition
from sql.bridge.metrics import Metrics
from sql.bridge.refresher import Refresher
from sql.bridge.settings import LOADERS, Settings

log = logging.getLogger("bridge")


@click.command("bridge")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    """Export traffic by workload pair, node, path and destination to Prometheus, from ClickHouse.

    Without ClickHouse the last values stay, flowatlas_bridge_up is 0, and it goes on by itself
    when ClickHouse is back. With --state the counters go on after a restart, and what came
    meanwhile is in them; else they start at 0.
    """
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    metrics = Metrics()
    exposition = Exposition(metrics.registry, settings.created_timestamps)
    refresher = Refresher(settings, metrics, exposition)
    exposition.start(settings.address, settings.port)
    refresher.start()
    log.info("serving url=http://%s:%d/metrics", settings.address, settings.port)
    stopping.wait()
    refresher.stop()
    exposition.stop()
    log.info("stopped")


if __name__ == "__main__":
    command()
