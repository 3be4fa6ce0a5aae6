"""The wiring of the stream. Faust keeps the group membership, fetches, and follows rebalances;
offsets are the pipeline's, since what is committed must be what is inserted.

The topic is therefore consumed without Faust's acknowledgements. They would not do: an event that
Faust skips during a rebalance is acknowledged as if it had been processed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import faust
from faust.tables.manager import TableManager

from sql.client import connect
from stream import memory, sources
from stream.dead_letter import DeadLetters, Headers
from stream.exposition import Exposition
from stream.fetching import RunConsumer, messages
from stream.health import Health
from stream.kafka import cluster_id
from stream.membership import insist
from stream.partition_log import PartitionLog
from stream.pipeline import Pipeline
from stream.settings import Settings, load
from stream.sink import Sink
from stream.store import Store

log = logging.getLogger(__name__)

LEAVE_SECONDS = 10.0
"""Longest that stopping waits for Kafka: a rebalance under way has to end before one can leave."""

TABLES_AT_ONCE = 2
"""Of each range that is being inserted: flows_10s costs ClickHouse about as much as all others."""

FETCHED_AHEAD = 2
"""Runs of messages that Faust holds for the pipeline: what waits, waits in Kafka."""


class NoTables(TableManager):
    """Faust's own waits a second at the start for tables to be declared; here are none."""

    logger = logging.getLogger("faust.tables")

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class StreamApp(faust.App):
    """Starts the pipeline before Kafka's clients, and drains it before they stop."""

    logger = logging.getLogger("faust.app")
    pipeline: Pipeline

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            id=settings.group,
            broker=[f"kafka://{broker}" for broker in settings.kafka.split(",")],
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_buffer_maxsize=FETCHED_AHEAD,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=settings.session_seconds,
            broker_heartbeat_interval=settings.session_seconds / 4,
            web_enabled=False,
            TableManager=NoTables,
            worker_redirect_stdouts=False,
        )
        self.settings = settings
        self.health = Health()
        self.exposition = Exposition(
            settings.metrics_host, settings.metrics_port, self.health.answer
        )
        self.sources = sources.of(settings)
        self.dead = self.raw_topic(settings.dead_letter_topic)

    def raw_topic(self, name: str) -> Any:
        return self.topic(
            name, key_serializer="raw", value_serializer="raw", value_type=bytes, acks=False
        )

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = RunConsumer
        return transport

    async def on_first_start(self) -> None:
        """Instead of Faust's own, which makes a data directory for tables; here are none."""
        self.exposition.start(asyncio.get_running_loop())
        self.pipeline = await asyncio.to_thread(self._assemble, asyncio.get_running_loop())
        self.pipeline.start()
        self.add_future(self._fail())
        self.add_future(insist(self.consumer))

    @property
    def failure(self) -> BaseException | None:
        """What ended the worker, if it did not end by being asked to."""
        if self.pipeline.failure.done():
            return self.pipeline.failure.result()
        return self.crash_reason

    async def _fail(self) -> None:
        error = await asyncio.shield(self.pipeline.failure)
        self.health.fail(error)
        raise error

    async def stop(self) -> None:
        """Drains as a member like any other, so that a rebalance meanwhile is one like any other:
        of an app that stops, Faust would answer it by cutting the consumer off."""
        self.health.draining()
        if hasattr(self, "pipeline"):
            await self.pipeline.stop()
        leaving = asyncio.create_task(super().stop())
        done, _ = await asyncio.wait({leaving}, timeout=LEAVE_SECONDS)
        if not done:
            log.warning(
                "not out of the group after %.0f s, Kafka gives the partitions to others when "
                "the session of %.0f s is over",
                *(LEAVE_SECONDS, self.settings.session_seconds),
            )
        for task in done:
            task.result()

    async def on_stop(self) -> None:
        await super().on_stop()
        self.sources.stop()
        self.exposition.stop()

    def _on_rebalance_when_stopped(self) -> None:
        """Nothing, for the consumer is about to leave. Faust's closes its connections under it, and
        does so from another thread, after which neither it nor the consumer ends."""

    def _assemble(self, loop: asyncio.AbstractEventLoop) -> Pipeline:
        """Blocks for files, ClickHouse and Kafka, each of which may be missing."""
        settings = self.settings
        group = f"{settings.group}@{cluster_id(settings.kafka, settings.topic)}"
        self.sources.read()
        store = Store(connect(settings.clickhouse))
        self.sources.start()
        memory.settle()
        self.health.unanswered = lambda: store.unanswered
        sink = Sink(
            store,
            self.sources,
            settings.cluster,
            settings.window_seconds,
            settings.flush_seconds,
            at_once=TABLES_AT_ONCE * settings.parallel_inserts,
        )
        dead_letters = DeadLetters(self._send_dead, settings.dead_letters_per_minute)
        return Pipeline(
            settings,
            group=group,
            store=store,
            sink=sink,
            dead_letters=dead_letters,
            log=PartitionLog(lambda: self.consumer),
            loop=loop,
        )

    async def release(self, *_: Any, **__: Any) -> None:
        """For Faust's signal of revoked partitions, which it sends for all of them at once."""
        self.health.rebalancing()
        await self.pipeline.release()

    async def assigned(self, *sent: Any, **__: Any) -> None:
        """For Faust's signal of a rebalance's end: the sender, then sets of partitions."""
        self.health.assigned(tp.partition for partitions in sent[1:] for tp in partitions)

    async def _send_dead(self, key: bytes | None, value: bytes, headers: Headers) -> None:
        await (await self.dead.send(key=key, value=value, headers=headers))


def build(settings: Settings) -> StreamApp:
    """A worker's application; inert until it is started."""
    app = StreamApp(settings)

    async def flows(stream: Any) -> None:
        async for event in stream.events():
            run = event.message
            await app.pipeline.take(messages(run.value), app.consumer.highwater(run.tp))

    app.agent(app.raw_topic(settings.topic), name="flows")(flows)

    app.on_partitions_revoked.connect(app.release)
    app.on_partitions_assigned.connect(app.assigned)
    return app


def __getattr__(name: str) -> StreamApp:
    """`app`, for `faust -A stream.app worker`: settings from file and environment."""
    if name == "app":
        return build(load())
    raise AttributeError(name)
