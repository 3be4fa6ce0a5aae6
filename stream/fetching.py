"""Messages from Faust in the runs in which Kafka's client has them.

Faust waits for several locks and makes several tasks for each message it hands on, which costs a
third of a millisecond: more than all else that a message costs by itself. What one fetch
brought of one partition therefore goes through Faust as one message, whose value is the records.

A run that Faust still holds when partitions move comes after the pipeline forgot what was before
it, and by the offset of such a run Faust takes earlier ones for read. So the pipeline takes no
message ahead of its turn, and has Faust go back.
"""

from __future__ import annotations

import logging
from typing import Any

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from stream.decode import Message


class RunConsumer(Consumer):
    """Faust's, with runs of records in place of records. A run is as long as Kafka's client makes
    it: consumer_max_fetch_size of compressed bytes, or one record."""

    logger = logging.getLogger("faust.transport")

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        found = await super()._getmany(active_partitions, timeout)
        return {tp: [records] for tp, records in found.items()}

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        """record: a run of them. The message has the last one's offset, from which Faust knows how
        far it has read."""
        message = super()._to_message(tp, record[-1])
        message.key, message.value, message.headers = None, record, {}
        return message

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: who hands on waits until there is room. Faust would take partitions out of
        fetching one by one, and once all are out look again only after a second."""


def messages(run: Any) -> list[Message]:
    """Of the value of a message of RunConsumer, in order."""
    return [
        Message(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp / 1000,
            record.key,
            record.value or b"",
            [(name, value or b"") for name, value in record.headers],
        )
        for record in run
    ]
