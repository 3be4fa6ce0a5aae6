"""Dead letters back to where they came from.

How far it has come is kept by Kafka, in a group of its own: an offset, before which everything was
put back, and beside it, as the commit's metadata, the offsets after it that were put back too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from confluent_kafka import KafkaException, Producer

from agent.wire import WireError
from stream.dead_letter import PREFIX
from stream.decode import Message, decode
from stream.repeats import Numbers
from stream.replay.errors import NotPutBackError
from stream.replay.progress import Progress
from stream.replay.source import Place, Source, sent_at

LONGEST_NOTE = 4000
"""Kafka's offset.metadata.max.bytes is 4096; what does not fit is put back once more."""
FLUSH_SECONDS = 30.0


@dataclass(frozen=True)
class Letter:
    """A dead letter as it was before it was set aside. partition: -1 where no header tells it."""

    original: Message
    reason: str

    @classmethod
    def of(cls, message: Message) -> Letter:
        found = dict(message.headers)
        original = Message(
            found.get(f"{PREFIX}topic", b"").decode(errors="replace"),
            _number(found, "partition"),
            _number(found, "offset"),
            message.timestamp,
            message.key,
            message.value,
            [header for header in message.headers if not header[0].startswith(PREFIX)],
        )
        return cls(original, found.get(f"{PREFIX}reason", b"").decode(errors="replace"))

    def origin(self) -> tuple[str, str, str]:
        """Reason, version of the schema, node."""
        found = dict(self.original.headers)
        schema, node = (
            found.get(name, b"?").decode(errors="replace") for name in ("schema", "node")
        )
        return self.reason, schema.partition(":")[0], node

    def unreadable(self) -> str:
        """Why this version cannot decode it either; "" if it can."""
        try:
            decode(self.original)
        except WireError as error:
            return str(error)
        return ""


@dataclass
class Outcome:
    """back: put back. unreadable, foreign: left where they are, this version cannot decode them,
    or they do not come from the topic. passed: not those that were asked for."""

    back: int = 0
    passed: int = 0
    foreign: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    origins: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def found(self) -> int:
        return self.back + self.foreign + self.unreadable.total()


class DeadLetterReplay:
    """reason: part of it. since: when it was set aside."""

    def __init__(
        self,
        source: Source,
        brokers: str,
        topic: str,
        *,
        reason: str = "",
        since: datetime | None = None,
        dry_run: bool = False,
    ) -> None:
        self._source = source
        self._brokers = brokers
        self._topic = topic
        self._reason = reason
        self._since = since
        self._dry_run = dry_run
        self._done: dict[int, Numbers] = {}
        self._refusals: list[str] = []

    def run(self) -> Outcome:
        """Up to what was there at the start, so that what comes back at once is not met again."""
        bounds = self._source.bounds()
        places = self._source.committed()
        self._done = {
            partition: places_done(places.get(partition, Place(low)), low)
            for partition, (low, _) in bounds.items()
        }
        spans = {p: (noted(self._done[p]).offset, high) for p, (_, high) in bounds.items()}
        outcome = Outcome()
        progress = Progress("dead letters", sum(end - first for first, end in spans.values()))
        producer = Producer(
            {"bootstrap.servers": self._brokers, "enable.idempotence": True, "log_level": 0}
        )
        for messages in self._source.read(spans):
            self._put_back(producer, messages, outcome)
            progress.add(len(messages))
        return outcome

    def _put_back(self, producer: Producer, messages: Iterable[Message], outcome: Outcome) -> None:
        for message in messages:
            if message.offset not in self._done[message.partition] and self._take(message, outcome):
                self._send(producer, message)
        if self._dry_run:
            return
        if producer.flush(FLUSH_SECONDS) or self._refusals:
            raise NotPutBackError((self._refusals or ["it does not answer"])[0])
        self._source.commit({partition: noted(done) for partition, done in self._done.items()})

    def _take(self, message: Message, outcome: Outcome) -> bool:
        """Whether it is to be put back; counted either way."""
        letter = Letter.of(message)
        if self._reason not in letter.reason or (self._since and sent_at(message) < self._since):
            outcome.passed += 1
            return False
        outcome.origins[letter.origin()] += 1
        if letter.original.topic != self._topic or letter.original.partition < 0:
            outcome.foreign += 1
        elif why := letter.unreadable():
            outcome.unreadable[why] += 1
        else:
            outcome.back += 1
            return not self._dry_run
        return False

    def _send(self, producer: Producer, message: Message) -> None:
        """Under a new time: it tells copies of a batch apart, should one be put back twice."""
        original = Letter.of(message).original
        try:
            producer.produce(
                original.topic,
                original.value,
                original.key,
                original.partition,
                headers=list(original.headers),
                on_delivery=self._on_delivery(message),
            )
        except KafkaException as error:
            raise NotPutBackError(error.args[0].str()) from error
        producer.poll(0)

    def _on_delivery(self, message: Message) -> Callable[[object, object], None]:
        def delivered(error: object, _: object) -> None:
            if error:
                self._refusals.append(str(error))
            else:
                self._done[message.partition].add(message.offset)

        return delivered


def places_done(place: Place, low: int) -> Numbers:
    """Everything before the place, and what its note names."""
    last, after = max(place.offset, low) - 1, []
    for run in place.note.split():
        first, end = map(int, run.split("-"))
        if first <= last + 1:
            last = max(last, end)
        else:
            after.append((first, end))
    return Numbers([(-1, last), *after])


def noted(done: Numbers) -> Place:
    (_, last), *after = done.runs
    note = " ".join(f"{first}-{end}" for first, end in after)
    return Place(last + 1, note if len(note) <= LONGEST_NOTE else "")


def _number(found: dict[str, bytes], name: str) -> int:
    value = found.get(f"{PREFIX}{name}", b"")
    return int(value) if value.isdigit() else -1
