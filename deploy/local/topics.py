"""Kafka's topics as deploy/kafka/topics.yaml, or a file like it, declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from deploy.local.errors import MalformedTopicsError

DECLARED = resources.files("deploy") / "kafka" / "topics.yaml"

COUNTS = ("partitions", "replication")
SETTINGS = {
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "index.interval.bytes",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
    "remote.storage.enable",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
}
"""Topic-level settings, from https://kafka.apache.org/documentation/#topicconfigs (4.x)."""


@dataclass(frozen=True)
class Topic:
    """A topic as it should be; `settings` by Kafka's names, as text."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]

    def fitted(self, brokers: int) -> Topic:
        """With no more replicas than brokers, and then with one replica that may be away."""
        if self.replication <= brokers:
            return self
        settings = dict(self.settings)
        if "min.insync.replicas" in settings:
            settings["min.insync.replicas"] = str(max(1, brokers - 1))
        return replace(self, replication=brokers, settings=settings)


def load(path: str = "", partitions: str = "") -> list[Topic]:
    """The topics of the file at `path`, "" for flowatlas's own; `partitions` overrides their
    numbers, as in "flows=24,names=24". Raises MalformedTopicsError."""
    file = Path(path) if path else DECLARED
    topics = _read(file)
    for name, count in _overrides(partitions).items():
        if name not in topics:
            raise MalformedTopicsError("--partitions", f"{file} declares no topic {name!r}")
        topics[name] = replace(topics[name], partitions=count)
    return list(topics.values())


def _read(file: Path | Traversable) -> dict[str, Topic]:
    try:
        declared = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise MalformedTopicsError(str(file), reason) from error
    if not isinstance(declared, dict) or not declared:
        raise MalformedTopicsError(str(file), "it declares no topics")
    return {str(name): _topic(file, str(name), given) for name, given in declared.items()}


def _topic(file: Path | Traversable, name: str, given: Any) -> Topic:
    if not isinstance(given, dict):
        raise MalformedTopicsError(str(file), f"topic {name} has no settings")
    if unknown := sorted(str(key) for key in given if key not in (*COUNTS, *SETTINGS)):
        raise MalformedTopicsError(str(file), f"topic {name} has unknown keys: {unknown}")
    for key in COUNTS:
        if type(given.get(key)) is not int or given[key] < 1:
            raise MalformedTopicsError(str(file), f"topic {name} needs {key}, a number from 1 on")
    settings = {key: _text(file, name, key, given[key]) for key in given if key not in COUNTS}
    return Topic(name, given["partitions"], given["replication"], settings)


def _text(file: Path | Traversable, name: str, key: str, value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case list():
            return ",".join(map(str, value))
    raise MalformedTopicsError(str(file), f"topic {name} has no value for {key}")


def _overrides(text: str) -> dict[str, int]:
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, count = pair.partition("=")
        if not count.isdecimal() or int(count) < 1:
            raise MalformedTopicsError("--partitions", f"{pair!r} is not like flows=24")
        found[name] = int(count)
    return found
