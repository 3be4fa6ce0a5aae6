"""`flowatlas agent`: watch this node until SIGINT or SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading

import click
import typed_settings as ts

from agent.app import Agent
from agent.settings import LOADERS, Settings


@click.command("agent")
@ts.click_options(Settings, LOADERS, show_envvars_in_help=True)
def command(settings: Settings) -> None:
    """Watch the sockets of this node and ship what they move to Kafka.

    Loads BPF programs on a cgroup (default: all of the node), so it runs as root. Every interval
    one Arrow batch of flow rows goes to Kafka; on SIGINT or SIGTERM what was seen is shipped first.

    \b
    Example: watch one pod's cgroup and ship to a broker next door
      flowatlas agent --cgroup /sys/fs/cgroup/kubepods.slice --kafka broker:9092
    """
    logging.basicConfig(
        format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s",
        level=logging.INFO,
    )
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    agent = Agent(settings)
    agent.start()
    agent.run(stopping)
    agent.stop()


if __name__ == "__main__":
    command()
