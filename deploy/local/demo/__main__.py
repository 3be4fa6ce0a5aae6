"""`flowatlas demo`: the whole system over the demo cluster, and the answers at the end."""

from __future__ import annotations

import logging
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import click
import typed_settings as ts

from deploy.local import doctor
from deploy.local.demo import report
from deploy.local.demo.cluster import DemoCluster
from deploy.local.demo.settings import LOADERS, Settings
from deploy.local.errors import HostNotReadyError
from deploy.local.system import System

HELP = """Run the whole system over a demo cluster on this machine, then print the answers.

Three nodes of network namespaces run a small shop with real servers and real traffic, which stays
inside them. Ctrl-C, or --seconds, ends the traffic, lets everything seen arrive in ClickHouse,
prints what `flowatlas ask` has to say, and removes all of it again.

\b
  flowatlas demo --seconds 45
  flowatlas demo --kafka kafka:9092 --clickhouse http://clickhouse:8123
"""


@click.command("demo", help=HELP)
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    """Block until the time is up, SIGINT or SIGTERM; then report."""
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.WARNING,
    )
    if missing := doctor.missing(doctor.Host()):
        raise HostNotReadyError(missing[0].name, missing[0].found, missing[0].remedy)
    # From here on SIGTERM is a Ctrl-C: it interrupts whatever is waited for.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _data_directory() as data:
        _run(settings, data)


@contextmanager
def _data_directory() -> Iterator[Path]:
    """A directory for tables and logs. After an error it stays, for the logs in it."""
    directory = Path(tempfile.mkdtemp(prefix="flowatlas-demo-"))
    try:
        yield directory
    except KeyboardInterrupt:
        shutil.rmtree(directory)
        raise
    shutil.rmtree(directory)


def _run(settings: Settings, data: Path) -> None:
    with ExitStack() as stopping:
        cluster = DemoCluster()
        stopping.callback(cluster.stop)
        click.echo("building the demo cluster: 3 nodes in 3 zones, and the pods of a shop")
        cluster.start()
        plan = settings.plan(data, cluster.node_cgroups, cluster.namespace, cluster.directory)
        system = System(plan)
        stopping.callback(system.stop)
        system.start()
        cluster.start_traffic()
        _announce(system, settings)
        _watch(system, settings.seconds)
        click.echo("stopping the traffic")
        cluster.stop_traffic()
        system.settle()
        report.show(system.clickhouse, settings.interval)


def _watch(system: System, seconds: float) -> None:
    """Wait until the time is up, for ever if it is 0, or until Ctrl-C."""
    end = time.monotonic() + (seconds or float("inf"))
    with suppress(KeyboardInterrupt):
        while time.monotonic() < end:
            system.check()
            time.sleep(min(1, max(0, end - time.monotonic())))


def _announce(system: System, settings: Settings) -> None:
    until = f"for {settings.seconds:g} seconds" if settings.seconds else "until Ctrl-C"
    url = f" --clickhouse-url {system.clickhouse.url}"
    click.echo(f"the service map is at http://127.0.0.1:{settings.console_port}")
    click.echo(f"watching the traffic {until}; meanwhile, in another terminal:")
    click.echo(f"  flowatlas ask{url} edges")
    click.echo(f"  curl http://127.0.0.1:{settings.bridge_port}/metrics")


if __name__ == "__main__":
    command()
