"""Kafka's side of a partition, through Faust's consumer: what the pipeline asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faust.types import TP


class PartitionLog:
    """stream.pipeline.Log. consumer: gives Faust's, which is there once the app has started."""

    def __init__(self, consumer: Callable[[], Any]) -> None:
        self._consumer = consumer

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        place = TP(topic, partition)
        first = await self._consumer().earliest_offsets(place)
        end = await self._consumer().highwaters(place)
        return first[place], end[place]

    async def committed(self, topic: str, partition: int) -> int | None:
        thread = self._consumer()._thread
        place = TP(topic, partition)
        offset: int | None = await thread.call_thread(thread._ensure_consumer().committed, place)
        return offset

    async def commit(self, topic: str, partition: int, offset: int) -> None:
        """Unless the partition has gone to another worker, who then knows by the recorded range
        where to read on: Faust would crash at a commit for a partition that it does not have."""
        thread = self._consumer()._thread
        place = TP(topic, partition)

        async def if_assigned() -> None:
            if place in thread.assignment():
                await thread._commit({place: offset})

        await thread.call_thread(if_assigned)

    async def rewind(self, topic: str, partition: int, offset: int) -> None:
        await self._consumer().seek(TP(topic, partition), offset)
