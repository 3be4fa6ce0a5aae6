"""Rows of workloads: both reports of a conversation as one, without pods and nodes.

It is the rule of the view `reports`, applied before rows are stored, so that most of what people
ask reads few rows. What hangs on whether a node has an agent is left out, for that may become known
later. Of nodes of which none has been heard, the table `unclaimed` has it by node, and views leave
that out again once one is.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Whose(Enum):
    """Rows of the one report or the other that a measure is taken of."""

    ANY = auto()
    CLIENT = auto()
    SERVER = auto()
    CLAIMED = auto()
    """The client's, and the server's where nobody can report for the client: no node is known."""
    ALONE_AT_SERVER = auto()
    """The server's where nobody can report for the client."""
    ALONE = auto()
    """Either, where nobody can report for the other end."""


class Term(NamedTuple):
    """A measure of windows, and the rows that it is taken of."""

    measure: str
    whose: Whose


VOLUMES = (
    "bytes_to_server",
    "bytes_to_client",
    "packets_to_server",
    "packets_to_client",
    "connections_attempted",
    "connections_established",
    "connections_closed",
    "connections_refused",
    "connections_timed_out",
    "connections_reset",
    "connections_unreachable",
)
SEEN_BY_SERVER = ("connections_handshake_reset", "connections_half_open", "listen_overflows")
SENT_AND_RECEIVED = ("resets", "zero_windows")
TOLD_BY_SENDER = (
    "retransmitted_segments",
    "retransmitted_bytes",
    "retransmission_timeouts",
    "retransmitted_syns",
)
TOLD_BY_RECEIVER = ("out_of_order_segments", "datagram_errors")
PARTS = ("count", "sum", "min", "max", "histogram")


def _both(name: str) -> dict[str, tuple[Term, ...]]:
    return {
        f"{name}_to_server": (
            Term(f"{name}_sent", Whose.CLIENT),
            Term(f"{name}_received", Whose.ALONE_AT_SERVER),
        ),
        f"{name}_to_client": (
            Term(f"{name}_received", Whose.CLIENT),
            Term(f"{name}_sent", Whose.ALONE_AT_SERVER),
        ),
    }


def _directed(name: str, to_server: Whose, to_client: Whose) -> dict[str, tuple[Term, ...]]:
    return {
        f"{name}_to_server": (Term(name, to_server),),
        f"{name}_to_client": (Term(name, to_client),),
    }


def _own(side: str, whose: Whose) -> dict[str, tuple[Term, ...]]:
    return {
        f"{side}_dropped_packets": (Term("dropped_packets", whose),),
        f"{side}_drop_reasons": (Term("drop_reasons", whose),),
    }


def _rtt(side: str, whose: Whose) -> dict[str, tuple[Term, ...]]:
    return {f"{side}_rtt_{part}": (Term(f"rtt_{part}", whose),) for part in PARTS}


MEASURES: dict[str, tuple[Term, ...]] = {
    "flow_rows": (Term("flow_rows", Whose.ANY),),
    **{name: (Term(name, Whose.CLAIMED),) for name in VOLUMES},
    **{name: (Term(name, Whose.SERVER),) for name in SEEN_BY_SERVER},
    **{column: terms for name in SENT_AND_RECEIVED for column, terms in _both(name).items()},
    **{
        column: terms
        for name in TOLD_BY_SENDER
        for column, terms in _directed(name, Whose.CLIENT, Whose.SERVER).items()
    },
    **{
        column: terms
        for name in TOLD_BY_RECEIVER
        for column, terms in _directed(name, Whose.SERVER, Whose.CLIENT).items()
    },
    **_own("client", Whose.CLIENT),
    **_own("server", Whose.SERVER),
    **{f"connect_latency_{part}": (Term(f"connect_latency_{part}", Whose.ANY),) for part in PARTS},
    **_rtt("client", Whose.CLIENT),
    **_rtt("server", Whose.SERVER),
    "cost_usd": (Term("cost_usd", Whose.ANY), Term("cost_far_usd", Whose.ALONE)),
    "unpriced_bytes": (Term("unpriced_bytes", Whose.CLAIMED),),
}
"""The columns of workloads_1m, _10m and _1h in their order, each the sum of its terms."""

IF_SILENT = {
    Whose.CLAIMED: Whose.SERVER,
    Whose.ALONE_AT_SERVER: Whose.SERVER,
    Whose.ALONE: Whose.ANY,
}
"""What counts besides if the other end's node is known and has no agent."""


def _unclaimed(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    return tuple(Term(name, IF_SILENT[whose]) for name, whose in terms if whose in IF_SILENT)


UNCLAIMED = {"flow_rows": MEASURES["flow_rows"]} | {
    column: found for column, terms in MEASURES.items() if (found := _unclaimed(terms))
}
"""The measures of `unclaimed`; those that it lacks are 0 in it."""
