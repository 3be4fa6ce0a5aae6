"""Messages that cannot be decoded: set aside with where they came from and why, up to a rate."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from stream import metrics
from stream.decode import Message
from stream.errors import DeadLetterFloodError

log = logging.getLogger(__name__)

Headers = list[tuple[str, bytes]]
Send = Callable[[bytes | None, bytes, Headers], Awaitable[None]]
"""Sends key, value and headers, and returns when Kafka has them."""

PREFIX = "flowatlas-dead-"
MINUTE = 60.0


class DeadLetters:
    """A message may be set aside twice after a crash, never not at all: it is sent before its
    offset is committed."""

    def __init__(self, send: Send, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self._send = send
        self._per_minute = per_minute
        self._clock = clock
        self._times: deque[float] = deque()

    async def put(self, message: Message, reason: str) -> None:
        """Raises DeadLetterFloodError beyond the cap, with the message left where it is."""
        self._admit(message, reason)
        headers = [
            *message.headers,
            (f"{PREFIX}topic", message.topic.encode()),
            (f"{PREFIX}partition", str(message.partition).encode()),
            (f"{PREFIX}offset", str(message.offset).encode()),
            (f"{PREFIX}reason", reason.encode()),
        ]
        await self._send(message.key, message.value, headers)
        metrics.dead_letters.inc()
        log.warning(
            'message set aside partition=%d offset=%d reason="%s"',
            message.partition,
            message.offset,
            reason,
        )

    def _admit(self, message: Message, reason: str) -> None:
        now = self._clock()
        while self._times and self._times[0] <= now - MINUTE:
            self._times.popleft()
        if len(self._times) >= self._per_minute:
            raise DeadLetterFloodError(self._per_minute, message.partition, message.offset, reason)
        self._times.append(now)
