"""What Faust does not do as a member of the group: joining again after Kafka refused it.

aiokafka keeps such a refusal until it is asked for messages, and tries again only then; Faust asks
for none while it has no partitions, so a worker that was kept out once would idle for good.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiokafka.errors import InconsistentGroupProtocolError  # type: ignore[import-untyped]

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
LOG_EVERY = 5


async def insist(consumer: Any) -> None:
    """Tries again as long as a replay that swaps the tables keeps workers out; never returns.

    consumer: Faust's. Kafka refuses whoever shares partitions by another protocol than the members.
    """
    refused = 0
    while True:
        await asyncio.sleep(LOOK_EVERY)
        coordinator = _coordinator(consumer)
        if isinstance(
            getattr(coordinator, "_pending_exception", None), InconsistentGroupProtocolError
        ):
            if refused % LOG_EVERY == 0:
                log.warning("kept out of the group, a replay is swapping the tables: trying again")
            refused += 1
            try:
                await consumer._thread.call_thread(coordinator.check_errors)
            except InconsistentGroupProtocolError:
                continue


def _coordinator(consumer: Any) -> Any:
    """aiokafka's, inside of the thread in which Faust runs it; None before it is there."""
    thread = getattr(consumer, "_thread", None)
    return getattr(getattr(thread, "_consumer", None), "_coordinator", None)
