"""`flowatlas agent`: watch this node until SIGINT or SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import click
import typed_settings as ts

from agent.app import Agent
from agent.probe import remove_pinned
from agent.settings import LOADERS, Settings


@click.command("agent")
@click.option("--detach", is_flag=True, help="Take all programs off this node, and end.")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings, detach: bool) -> None:
    """Watch the sockets of this node and ship what they move to Kafka.

    Loads BPF programs on a cgroup (default: all of the node), so it runs as root. Every interval
    one Arrow batch of flow rows goes to Kafka; on SIGINT or SIGTERM what was seen is shipped first.
    The programs stay and count on for the next agent; --detach, without one, takes them off.

    \b
    Example: watch one pod's cgroup and ship to a broker next door
      flowatlas agent --cgroup /sys/fs/cgroup/kubepods.slice --kafka broker:9092
    """
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    if detach:
        _detach(Path(settings.pins))
        return
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    agent = Agent(settings)
    agent.start()
    agent.run(stopping)
    agent.stop()


def _detach(root: Path) -> None:
    for removed in remove_pinned(root) or [f"nothing: no programs are pinned in {root}"]:
        click.echo(f"removed {removed}")


if __name__ == "__main__":
    command()
