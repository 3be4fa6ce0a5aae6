"""The wiring of the watcher."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kubernetes.client import ApiClient

from stream import records
from stream.exposition import Exposition
from stream.inventory_topic import InventoryTopic
from stream.records import NETWORK_KEY, WATCH_KEY
from stream.watch import metrics
from stream.watch.account import AccountNetwork, from_file
from stream.watch.api import Api
from stream.watch.cluster import Cluster
from stream.watch.convert import Converter
from stream.watch.follow import Follower
from stream.watch.from_file import FileFollower
from stream.watch.health import answer
from stream.watch.publish import Publisher
from stream.watch.published import Published
from stream.watch.resources import OWNERS, RESOURCES
from stream.watch.settings import Settings

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
TELL_SECONDS = 10.0
"""How often the topic is told up to when it is complete."""
STOP_SECONDS = 5.0


class Watcher:
    """Inert until it is started."""

    def __init__(self, settings: Settings, client: ApiClient | None) -> None:
        """client: None where a file is followed instead of the API."""
        self._settings = settings
        self._api = Api(client) if client else None
        self._topic = InventoryTopic(settings.kafka, settings.topic)
        self._publisher = Publisher(settings.kafka, settings.topic)
        self._published = Published(
            self._publisher.publish, round(settings.retention_hours * 3_600_000)
        )
        labels = filter(None, (label.strip() for label in settings.labels.split(",")))
        self._cluster = Cluster(self._published, Converter(labels))
        self.followers: list[Follower | FileFollower]
        if self._api:
            self.followers = list(self._of_api(self._api))
        else:
            self.followers = [FileFollower(Path(settings.file), self._cluster)]
        self._network: AccountNetwork | None = None
        if settings.network_file:
            self._network = AccountNetwork(
                from_file(Path(settings.network_file)),
                self._publisher.publish,
                settings.network_minutes * 60,
            )
        self._exposition = Exposition(
            settings.metrics_host, settings.metrics_port, lambda: answer(self.followers)
        )
        self._told = 0.0

    async def run(self, asked: asyncio.Event) -> None:
        """Works until asked to stop. Raises what ended it."""
        self._exposition.start(asyncio.get_running_loop())
        work = asyncio.create_task(self._work())
        stopping = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            work.cancel()
            stopping.cancel()
            await asyncio.to_thread(self._stop)
            self._exposition.stop()

    async def _work(self) -> None:
        await asyncio.to_thread(self._load)
        for follower in self.followers:
            follower.start()
        repeated = [_repeat(self.tick)]
        if self._network:
            repeated.append(_repeat(self._network.refresh))
        await asyncio.gather(*repeated)

    def tick(self) -> None:
        """What is to be done each second. Raises what ended a follower or the publisher."""
        for follower in self.followers:
            if follower.failure:
                raise follower.failure
            metrics.current.labels(follower.name).set(follower.current())
        if self._publisher.failure:
            raise self._publisher.failure
        self._publisher.poll()
        if not all(follower.listed.is_set() for follower in self.followers):
            return
        self._cluster.expire()
        if time.monotonic() >= self._told + TELL_SECONDS:
            self._told = time.monotonic()
            current = min(follower.current() for follower in self.followers)
            value = records.encode(records.Watch(current=round(current * 1000)))
            self._publisher.publish(WATCH_KEY, value)

    def _of_api(self, api: Api) -> Iterator[Follower]:
        patience, owners = self._settings.patience_seconds, []
        for resource in OWNERS:
            owners.append(Follower(api, resource, self._cluster, (), patience))
            yield owners[-1]
        for resource in RESOURCES:
            if resource not in OWNERS:
                yield Follower(api, resource, self._cluster, owners, patience)

    def _load(self) -> None:
        """Where the last watcher left off. Blocks for Kafka."""
        count = 0
        self._topic.open()
        for message in self._topic.read():
            self._published.load(message.key, message.value)
            if message.key == NETWORK_KEY and message.value and self._network:
                self._network.load(message.value)
            count += 1
        self._topic.close()
        log.info("topic read messages=%d", count)

    def _stop(self) -> None:
        self._topic.stop()
        self._publisher.stop()
        for follower in self.followers:
            follower.stop()
        if self._api:
            self._api.close()
        for follower in self.followers:
            follower.join(1.0)
        if left := self._publisher.flush(STOP_SECONDS):
            log.warning("stopped before Kafka confirmed records=%d", left)


async def _repeat(call: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(call)
        await asyncio.sleep(TICK_SECONDS)
