"""`flowatlas up`: the whole system for this host, until a signal ends it."""

from __future__ import annotations

import logging
import signal
import time

import click
import typed_settings as ts

from deploy.local import doctor
from deploy.local.errors import HostNotReadyError
from deploy.local.settings import LOADERS, Settings
from deploy.local.system import System

HELP = """Run agent, broker, stream, ClickHouse, bridge and console for this host.

Everything listens on 127.0.0.1. SIGINT (Ctrl-C) or SIGTERM stops it in order: what the agent saw
until then is in ClickHouse before it ends; a second Ctrl-C ends it at once.

\b
  flowatlas up                                          all of it embedded
  flowatlas up --kafka kafka:9092 --clickhouse http://clickhouse:8123
  flowatlas up --inventory cluster.json                 names for addresses
"""


@click.command("up", help=HELP)
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    """Block until SIGINT or SIGTERM."""
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.WARNING,
    )
    if missing := doctor.missing(doctor.Host()):
        raise HostNotReadyError(missing[0].name, missing[0].found, missing[0].remedy)
    # From here on SIGTERM is a Ctrl-C: it interrupts whatever is waited for.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    system = System(settings.plan())
    try:
        system.start()
        _announce(system, settings)
        while True:
            system.check()
            time.sleep(1)
    except KeyboardInterrupt:
        click.echo("stopping")
    finally:
        system.stop()


def _announce(system: System, settings: Settings) -> None:
    click.echo(f"the service map of {settings.node} is at http://127.0.0.1:{settings.console_port}")
    click.echo("Ctrl-C ends it. Try:")
    url = f" --clickhouse-url {system.clickhouse.url}"
    click.echo(f'  flowatlas sql{url} "SELECT * FROM edges LIMIT 10"')
    click.echo(f"  curl http://127.0.0.1:{settings.bridge_port}/metrics   traffic, for Prometheus")
    click.echo(f"  curl http://127.0.0.1:{settings.agent_port}/metrics   the agent's own numbers")
    click.echo(f"Logs and tables are in {settings.data_dir}.")
