"""Apache Kafka on this machine: KRaft nodes, from the jars that `make kafka` fetches."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from deploy.local import probes
from deploy.local.errors import MissingProgramError, NotStartedError
from deploy.local.supervisor import SupervisedProcess

REPOSITORY = Path(__file__).parents[2]
JARS = REPOSITORY / ".cache" / "kafka"
PROPERTIES = REPOSITORY / "deploy" / "kafka" / "server.properties"
START_SECONDS = 60.0

REPLICATED = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)


def installed(jars: Path = JARS) -> bool:
    """Whether Java and Kafka's jars are there."""
    return shutil.which("java") is not None and any(jars.glob("kafka_*.jar"))


class Node:
    """One node, broker and controller, on the same ports and log whenever it is started."""

    def __init__(
        self, number: int, directory: Path, java: list[str], name: str, ports: tuple[int, int]
    ) -> None:
        port, controller_port = ports
        self.number = number
        self.address = f"127.0.0.1:{port}"
        self.voter = f"{number}@127.0.0.1:{controller_port}"
        self.log_directory = directory / "log"
        self.properties = directory / "server.properties"
        self._directory = directory
        self._name = name
        self._command = [*java, "kafka.Kafka", str(self.properties)]
        self.process = self._new_process()

    def start(self) -> None:
        """Return when the program runs; it may not answer yet. Also after `stop` and `kill`."""
        self.process = self._new_process()
        self.process.start()

    def wait(self) -> None:
        """Until it answers."""
        self.process.wait_until(lambda: probes.kafka_answers(self.address), START_SECONDS)

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """SIGKILL; it stays dead until it is started again."""
        self.process.kill()

    def write_properties(self, settings: Mapping[str, str]) -> None:
        """The file of the repository with `settings` in place of its own."""
        own = {
            "node.id": str(self.number),
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{self.voter.split('@')[1]}",
            "log.dirs": str(self.log_directory),
        }
        overridden = {**settings, **own}
        kept = [
            line
            for line in PROPERTIES.read_text().splitlines()
            if line.partition("=")[0] not in overridden
        ]
        self._directory.mkdir(parents=True, exist_ok=True)
        lines = kept + [f"{key}={value}" for key, value in overridden.items()]
        self.properties.write_text("\n".join(lines) + "\n")

    def _new_process(self) -> SupervisedProcess:
        return SupervisedProcess(self._name, self._command, self._directory)


class ApacheKafka:
    """A cluster whose logs, settings and output live in `directory` and outlast it there.

    `settings` are properties of its brokers, over those of deploy/kafka/server.properties.
    deploy.local.reconcile makes the topics.
    """

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        settings: Mapping[str, str] | None = None,
        *,
        heap_megabytes: int = 512,
        jars: Path = JARS,
    ) -> None:
        self._jars = jars
        # One collector thread and the quick compiler only: it shares a small machine with all else.
        java = ["java", f"-Xmx{heap_megabytes}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        java += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars}/*"]
        self._java = java
        alone = brokers == 1
        ports = probes.free_ports(2 * brokers)
        names = ["kafka"] if alone else [f"kafka-{number + 1}" for number in range(brokers)]
        self.nodes = [
            Node(index + 1, directory if alone else directory / name, java, name, pair)
            for index, (name, pair) in enumerate(
                zip(names, zip(ports[::2], ports[1::2], strict=True), strict=True)
            )
        ]
        self._settings = {
            **({} if alone else dict.fromkeys(REPLICATED, str(min(3, brokers)))),
            "controller.quorum.voters": ",".join(node.voter for node in self.nodes),
            **(settings or {}),
        }

    @property
    def address(self) -> str:
        """The bootstrap addresses, host:port, by commas."""
        return ",".join(node.address for node in self.nodes)

    def start(self) -> str:
        """Block until every node answers and consumer groups have a coordinator; return `address`.

        The ports were free when this object was made.
        """
        if not installed(self._jars):
            raise MissingProgramError("Apache Kafka", "'make kafka' installs it and Java")
        for node in self.nodes:
            node.write_properties(self._settings)
        self._format()
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait()
        # The topic of committed offsets is made when a group is first asked for; a worker that came
        # before it would log retries.
        first = self.nodes[0].process
        first.wait_until(lambda: probes.coordinator_answers(self.address), START_SECONDS)
        return self.address

    def stop(self) -> None:
        """Ask all at once: the last of several would wait for a quorum that has gone."""
        for node in self.nodes:
            node.process.ask_to_stop()
        for node in self.nodes:
            node.stop()

    def kill(self) -> None:
        """SIGKILL to all."""
        for node in self.nodes:
            node.kill()

    def _format(self) -> None:
        """Give the log directories their cluster id, unless an earlier start has."""
        first, *others = self.nodes
        if (first.log_directory / "meta.properties").exists():
            return
        tool = ["kafka.tools.StorageTool", "format", "-t", str(uuid.uuid4())]
        done = subprocess.run(
            [*self._java, *tool, "-c", str(first.properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).splitlines()
            reason = next((line for line in said if "Exception" in line), "it cannot be formatted")
            raise NotStartedError("kafka", reason, first.process.log_file)
        for node in others:
            _copy_formatted(first, node)


def _copy_formatted(first: Node, node: Node) -> None:
    """What the tool would write for `node`, without a second of Java: only the ids differ, and a
    directory without an id is given one at the start."""
    shutil.copytree(first.log_directory, node.log_directory)
    meta = node.log_directory / "meta.properties"
    text = re.sub(r"(?m)^node\.id=.*$", f"node.id={node.number}", meta.read_text())
    meta.write_text(re.sub(r"(?m)^directory\.id=.*\n", "", text))
