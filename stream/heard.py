"""Of which nodes an agent has been heard in an hour: the table `agents` says it, for good.

So what a worker remembers stays true, and what it does not know yet does no harm: rows of a node
that it takes for silent go to `unclaimed`, and views leave them out once the node is in `agents`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Set
from typing import Protocol

ASK_SECONDS = 2.0
"""How long a node that was silent is taken to be so."""
MOST_HOURS = 100
"""About as many as a backlog of some days has."""


class AgentLog(Protocol):
    """The table `agents`."""

    def agents(self, cluster: str, hour: int) -> Collection[str]:
        """Nodes whose agent told of the hour that begins at these Unix seconds. Blocks."""


class Heard:
    """For one thread. Asks the log while there are silent nodes, every ASK_SECONDS at most."""

    def __init__(self, log: AgentLog, cluster: str) -> None:
        self._log = log
        self._cluster = cluster
        self._known: dict[int, set[str]] = {}
        self._asked: dict[int, float] = {}

    def silent(self, hour: int, named: Set[str], telling: Set[str]) -> Set[str]:
        """Those of the named nodes of which no agent was heard in the hour, Unix seconds. telling:
        nodes that are heard by what is about to be inserted together with this."""
        if hour not in self._known and len(self._known) >= MOST_HOURS:
            self._known.clear()
            self._asked.clear()
        known = self._known.setdefault(hour, set())
        missing = named - known - telling
        if missing and time.monotonic() - self._asked.get(hour, float("-inf")) > ASK_SECONDS:
            known.update(self._log.agents(self._cluster, hour))
            self._asked[hour] = time.monotonic()
            missing -= known
        return missing
