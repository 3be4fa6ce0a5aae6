"""Records that are off the ring buffer and in no batch yet, kept for the case of a kill.

The records are not synced: what matters is that they outlive the process. A full disk does not stop
the agent: it goes on without.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.account import Account
from agent.probe import KernelLedger
from agent.ring import RECORD, Records
from agent.spool import write_durably
from agent.wire import Ledger

log = logging.getLogger(__name__)

_LAYOUT = hashlib.sha256(str(RECORD.descr).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Mark:
    """Where an agent instance stood when all records before the journal's were in the spool.

    sequence: of the next flow batch. spooled: the number that the spool gives to what comes next,
    which is made of the journal's records and must be made again if the process was killed since.
    told: the ledger of the last batch.
    """

    agent: str
    sequence: int
    spooled: int
    account: Account
    told: Ledger
    wall_clock_offset_ns: int
    interval_ns: int
    batch_rows: int


class Journal:
    """One file: a mark, then the records taken since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def recover(self) -> tuple[Mark, Records] | None:
        """What the process before left; None if that is nothing that this version could read."""
        try:
            line, _, rest = self._path.read_bytes().partition(b"\n")
            known = json.loads(line)
            if known.pop("layout") != _LAYOUT:
                return None
            mark = _mark(known)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        whole = len(rest) // RECORD.itemsize  # the last one may have been cut off
        return mark, np.frombuffer(rest, RECORD, whole)

    def begin(self, mark: Mark) -> None:
        """Everything before the mark is in the spool: start over."""
        self.close()
        line = json.dumps({"layout": _LAYOUT, **asdict(mark)}).encode() + b"\n"
        try:
            write_durably(self._path, line)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            self._give_up(error)

    def append(self, records: Records) -> None:
        """What is in here once this returns survives a kill."""
        if self._file < 0:
            return
        left = memoryview(records.tobytes())
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _give_up(self, error: OSError) -> None:
        """Until the next mark."""
        self.close()
        log.error("no journal, a kill would lose the interval file=%s reason=%s", self._path, error)


def _mark(known: dict[str, Any]) -> Mark:
    account, told = known.pop("account"), known.pop("told")
    base, ledger = KernelLedger(**account["base"]), Ledger(**account["ledger"])
    return Mark(**known, account=Account(base, ledger), told=Ledger(**told))
