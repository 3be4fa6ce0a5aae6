"""Apache Kafka on this machine: one KRaft node, from the jars that `make kafka` fetches."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from pathlib import Path
from string import Template

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from agent.wire import FLOWS_TOPIC, names
from deploy.local.errors import MissingProgramError, NotStartedError
from deploy.local.probes import free_ports, kafka_answers
from deploy.local.supervisor import SupervisedProcess

REPOSITORY = Path(__file__).parents[2]
JARS = REPOSITORY / ".cache" / "kafka"
TEMPLATE = REPOSITORY / "deploy" / "kafka" / "server.properties"
START_SECONDS = 60.0


class ApacheKafka:
    """A Kafka node whose log, settings and output live in `directory` and outlast it there."""

    def __init__(self, directory: Path, topic: str = FLOWS_TOPIC, jars: Path = JARS) -> None:
        self._directory = directory
        self._topic = topic
        self._jars = jars
        self._properties = directory / "server.properties"
        self._log_directory = directory / "log"
        # One collector thread and the quick compiler only: it shares a small machine with all else.
        java = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
        logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        self._java = [*java, logging, "-cp", f"{jars}/*"]
        self.process = SupervisedProcess(
            "kafka", [*self._java, "kafka.Kafka", str(self._properties)], directory
        )

    def start(self) -> str:
        """Start it and return its bootstrap address, host:port; it is on a free port."""
        if shutil.which("java") is None or not any(self._jars.glob("kafka_*.jar")):
            raise MissingProgramError("Apache Kafka", "'make kafka' installs it and Java")
        self._directory.mkdir(parents=True, exist_ok=True)
        port, controller_port = free_ports(2)
        self._write_properties(port, controller_port)
        self._format()
        address = f"127.0.0.1:{port}"
        self.process.start()
        self.process.wait_until(lambda: kafka_answers(address), START_SECONDS)
        self._create_topics(address)
        return address

    def stop(self) -> None:
        self.process.stop()

    def _write_properties(self, port: int, controller_port: int) -> None:
        filled = Template(TEMPLATE.read_text()).substitute(
            port=port,
            controller_port=controller_port,
            log_directory=self._log_directory,
        )
        self._properties.write_text(filled)

    def _create_topics(self, address: str) -> None:
        """With the broker's default number of partitions; an earlier start may have done it."""
        admin = AdminClient({"bootstrap.servers": address})
        wanted = [NewTopic(self._topic), NewTopic(names.NAMES_TOPIC)]
        for created in admin.create_topics(wanted).values():
            try:
                created.result(START_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise NotStartedError("kafka", str(error), self.process.log_file) from error

    def _format(self) -> None:
        """Give the log directory its cluster id, unless an earlier start has."""
        if (self._log_directory / "meta.properties").exists():
            return
        tool = ["kafka.tools.StorageTool", "format", "-t", str(uuid.uuid4())]
        done = subprocess.run(
            [*self._java, *tool, "-c", str(self._properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).splitlines()
            reason = next((line for line in said if "Exception" in line), "it cannot be formatted")
            raise NotStartedError("kafka", reason, self.process.log_file)
