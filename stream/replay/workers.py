"""The workers whose tables are to be swapped: whether they stand still, and keeping them out.

Kafka lets nobody join a group who does not know a protocol by which its members share partitions.
Faust's workers only know Faust's, and while a swap goes on the group's only member knows another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from clickhouse_connect.driver import Client
from confluent_kafka import Consumer, ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from stream.kafka import cluster_id
from stream.replay.errors import KafkaReadError, ShutOutError, WorkersRunningError
from stream.replay.source import TIMEOUT, Source
from stream.replay.tables import SQL
from stream.settings import Settings
from stream.store import LAST_RANGE

CLIENT_ID = "flowatlas-replay"
LOOK_EVERY = 0.5
STILL_SECONDS = 30
"""A worker of any group records a range as often as its agents send, so silence is absence."""
JOIN_SECONDS = 30.0
SESSION_MS = 6_000
"""What a killed replay keeps workers out for; brokers take no less."""
DAY_MS = 86_400_000


class Workers:
    """All calls block for Kafka and ClickHouse."""

    def __init__(self, settings: Settings, client: Client, source: Source) -> None:
        self._settings = settings
        self._client = client
        self._source = source
        self._admin = AdminClient({"bootstrap.servers": settings.kafka, "log_level": 0})
        self._recorded_group = f"{settings.group}@{cluster_id(settings.kafka, settings.topic)}"

    def inserted(self) -> dict[int, int]:
        """By partition: the offset before which everything is in the tables."""
        return {partition: place.offset for partition, place in self._source.committed().items()}

    @contextmanager
    def stopped(
        self, seconds: float, say: Callable[[str], None], meanwhile: Callable[[], None]
    ) -> Iterator[None]:
        """Waits until nobody inserts, and keeps the group's workers out. Raises
        WorkersRunningError once `seconds` are over. meanwhile: called again and again."""
        deadline = time.monotonic() + seconds
        told = ""
        while True:
            why = self._busy()
            if not why and (keeper := self._join()):
                break
            if why != told:
                told = why
                say(f"{why}: waiting up to {seconds:g} s")
            if time.monotonic() > deadline:
                raise WorkersRunningError(why, seconds)
            meanwhile()
            time.sleep(LOOK_EVERY)
        try:
            if why := self._unsettled():
                raise WorkersRunningError(why, seconds)
            yield
        finally:
            keeper.close()

    def check_kept_out(self) -> None:
        """Raises ShutOutError if this replay is no longer the group's only member."""
        if self._members() != [CLIENT_ID]:
            raise ShutOutError(self._settings.group)

    def _busy(self) -> str:
        """Who may still insert; "" if nobody."""
        members = self._members()
        if CLIENT_ID in members:
            return "another replay is swapping, or was killed a moment ago"
        if members:
            return (
                f"{len(members)} workers of group {self._settings.group!r} run, so stop them now "
                "(Kafka keeps what arrives)"
            )
        parameters = {"group": self._recorded_group, "seconds": STILL_SECONDS}
        text = SQL.joinpath("other_groups.sql").read_text()
        if others := self._client.query(text, parameters=parameters).result_rows:
            return f"workers of {others[0][0]!r} insert into the same tables, so stop them too"
        return self._unsettled()

    def _members(self) -> list[str]:
        """Their client ids; one without a name while the group is being shared out anew."""
        group = self._settings.group
        try:
            found = self._admin.describe_consumer_groups([group])[group].result(TIMEOUT)
        except KafkaException as error:
            raise KafkaReadError(error.args[0].str()) from error
        if found.state in {ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD}:
            return []
        return [member.client_id for member in found.members] or [""]

    def _unsettled(self) -> str:
        """A range that was recorded and not committed may be in the tables in part."""
        inserted = self.inserted()
        for partition in self._source.bounds():
            parameters = {
                "group": self._recorded_group,
                "topic": self._settings.topic,
                "partition": partition,
            }
            found = self._client.query(LAST_RANGE, parameters=parameters).result_rows
            for first, last, _ in found:
                if inserted.get(partition, 0) <= last:
                    return (
                        f"offsets {first}-{last} of partition {partition} were being inserted "
                        "when a worker was killed, so start the workers, and stop them once "
                        "they have caught up"
                    )
        return ""

    def _join(self) -> Consumer | None:
        """The group's only member, or None if a worker was faster."""
        errors: list[Any] = []
        keeper = Consumer(
            {
                "bootstrap.servers": self._settings.kafka,
                "group.id": self._settings.group,
                "client.id": CLIENT_ID,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": SESSION_MS,
                "enable.auto.commit": False,
                "max.poll.interval.ms": DAY_MS,
                "log_level": 0,
            }
        )
        joined: list[bool] = []

        def assigned(consumer: Consumer, partitions: list[Any]) -> None:
            consumer.assign(partitions)
            consumer.pause(partitions)
            joined.append(True)

        keeper.subscribe([self._settings.topic], on_assign=assigned)
        deadline = time.monotonic() + JOIN_SECONDS
        while not joined:
            message = keeper.poll(0.2)
            if message is not None and message.error():
                errors.append(message.error())
            if errors or time.monotonic() > deadline:
                keeper.close()
                return None
        click.echo("workers kept out until the tables are swapped", err=True)
        return keeper
