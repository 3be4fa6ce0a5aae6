"""Records to Kafka: all of them, in order, however long it takes."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaException, Producer

from stream.watch import metrics
from stream.watch.errors import PublishError

LARGEST = 2_000_000


class Publisher:
    """For any thread. While Kafka is away this waits, and so does what reads from the API."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._topic = topic
        self._stopping = False
        self.failure: PublishError | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "zstd",
                "linger.ms": 50,
                "message.timeout.ms": 0,  # for ever
                "message.max.bytes": LARGEST,
                "queue.buffering.max.messages": 50_000,
                "queue.buffering.max.kbytes": 32_768,
                "log_level": 2,
            }
        )

    def publish(self, key: str, value: bytes | None) -> None:
        """Raises PublishError for what Kafka will never take, also what was sent earlier."""
        while True:
            if self.failure:
                raise self.failure
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
                self._producer.poll(0)
                break
            except BufferError:
                if self._stopping:  # the next watcher publishes it
                    return
                self._producer.poll(0.1)
            except KafkaException as error:
                raise PublishError(self._topic, f"{key}: {error.args[0].str()}") from error
        metrics.queued.set(len(self._producer))

    def stop(self) -> None:
        """From now on nothing waits for room."""
        self._stopping = True

    def poll(self) -> None:
        """Learn what was delivered; for now and then."""
        self._producer.poll(0)
        metrics.queued.set(len(self._producer))

    def flush(self, seconds: float) -> int:
        """Returns how many records Kafka has not confirmed by then."""
        return int(self._producer.flush(seconds))

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None and self.failure is None:
            key = message.key().decode()
            self.failure = PublishError(self._topic, f"{key}: {error.str()}")
