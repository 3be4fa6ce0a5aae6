"""Statements by their text, as they were parsed when they last came."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from sql.server.statement import Statement

KEPT = 256
LONGEST = 1 << 15
"""Characters; what is longer, an INSERT of literals say, hardly comes again."""


class Parsed:
    """The latest of them, for threads to share. The engine takes as long to write a statement of a
    hundred columns back as other clients' whole queries take, and what asks often, such as the
    console, asks by parameters, with the same text each time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Statement] = OrderedDict()

    def get(self, text: str, parse: Callable[[str], Statement]) -> Statement:
        """What `parse` made of it, now or before. What it raises is raised, and not kept."""
        with self._lock:
            if found := self._found.get(text):
                self._found.move_to_end(text)
                return found
        found = parse(text)
        if len(text) <= LONGEST:
            with self._lock:
                self._found[text] = found
                if len(self._found) > KEPT:
                    self._found.popitem(last=False)
        return found
