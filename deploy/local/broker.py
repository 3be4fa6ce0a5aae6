"""The embedded broker: librdkafka's mock cluster, alone in a process of its own.

It speaks enough of Kafka's protocol for idempotent producers and consumer groups, and it lives in
memory: about 5 MiB or 100 000 batches of a partition are kept, the oldest go first, and everything
is gone when the process ends. What must last goes to Apache Kafka (deploy.local.kafka).
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click
from confluent_kafka import Producer

from deploy.local import topics
from deploy.local.supervisor import SupervisedProcess, module_command

START_SECONDS = 20.0


class EmbeddedBroker:
    """The embedded broker as a child process, with its log and its port file in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._port_file = directory / "broker.address"
        command = module_command("deploy.local.broker", "--port-file", str(self._port_file))
        # Started again it would be another, empty broker on another port.
        self.process = SupervisedProcess("broker", command, directory, restart=False)

    @property
    def address(self) -> str:
        """Its bootstrap address, host:port, once it is started."""
        return self._port_file.read_text()

    def start(self) -> str:
        """Start it, its topics made, and return its address."""
        self._port_file.unlink(missing_ok=True)
        self.process.start()
        self.process.wait_until(self._port_file.exists, START_SECONDS)
        return self.address

    def stop(self) -> None:
        self.process.stop()


@click.command()
@click.option("--port-file", type=click.Path(path_type=Path), required=True)
def command(port_file: Path) -> None:
    """Run the embedded broker until SIGTERM; its address is written to PORT_FILE once it serves."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    cluster = Producer({"test.mock.num.brokers": 1})
    for topic in topics.load():
        # Asking creates a topic, of four partitions: this broker knows no other way.
        metadata = cluster.list_topics(topic.name, timeout=START_SECONDS)
    (broker,) = metadata.brokers.values()
    unfinished = port_file.with_suffix(".part")
    unfinished.write_text(f"{broker.host}:{broker.port}")
    unfinished.rename(port_file)
    stopped.wait()


if __name__ == "__main__":
    command()
