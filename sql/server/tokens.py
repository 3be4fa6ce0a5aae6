"""Deduplication tokens without their rows, forgotten before the engine opens its tables.

A MergeTree writes an insert's token to a log, and then renames the part that holds the rows to its
final name (MergeTreeSink::commitPart). Killed in between, the engine would refuse the repetition
of an insert of which it has nothing. Replicated tables have no such moment.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ADD, DROP = "1", "2"
PART = re.compile(r"(?P<partition>.+?)_(?P<first>\d+)_(?P<last>\d+)_\d+(_\d+)?")


class Blocks(NamedTuple):
    """The inserted blocks first to last, both inclusive, of one partition."""

    partition: str
    first: int
    last: int


class Parts:
    """The blocks that a table's parts hold: of two parts that share any, one holds all of both."""

    def __init__(self, parts: Iterable[Blocks]) -> None:
        self._widest: list[Blocks] = []
        for part in sorted(parts, key=lambda blocks: (*blocks[:2], -blocks.last)):
            if not self.hold(part):
                self._widest.append(part)

    def hold(self, wanted: Blocks) -> bool:
        """Whether a part is the wanted one, or was merged from it among others."""
        at = bisect_right(self._widest, wanted[:2], key=lambda part: part[:2]) - 1
        if at < 0:
            return False
        found = self._widest[at]
        return found.partition == wanted.partition and wanted.last <= found.last


def forget_lost(data: Path) -> int:
    """Strike tokens whose rows no part holds from the logs of all tables in a data directory that
    no engine has open; returns how many there were."""
    return sum(map(_forget, sorted(data.glob("store/*/*/deduplication_logs"))))


def _forget(logs: Path) -> int:
    files = sorted(logs.glob("deduplication_log_*.txt"), key=_number)
    tokens = _tokens(files)
    parts = Parts(filter(None, (_blocks(entry.name) for entry in logs.parent.iterdir())))
    lost = {
        token: part
        for token, part in tokens.items()
        if (wanted := _blocks(part)) and not parts.hold(wanted)
    }
    if lost:
        with files[-1].open("a") as log:
            log.writelines(f"{DROP}\t{part}\t{token}\n" for token, part in lost.items())
    return len(lost)


def _tokens(files: Iterable[Path]) -> dict[str, str]:
    """The tokens in force, each with the name of the part that its rows were to be in."""
    found: dict[str, str] = {}
    for file in files:
        for line in file.read_text().splitlines():
            operation, part, token = line.split("\t")
            if operation == ADD:
                found[token] = part
            else:
                found.pop(token, None)
    return found


def _blocks(name: str) -> Blocks | None:
    """None for what is no part in its final place, as tmp_insert_20261124_1_1_0."""
    found = PART.fullmatch(name)
    if not found or found["partition"].startswith(("tmp_", "delete_tmp_")):
        return None
    return Blocks(found["partition"], int(found["first"]), int(found["last"]))


def _number(log: Path) -> int:
    return int(log.stem.rpartition("_")[2])
