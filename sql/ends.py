"""Rows of ends: what a pod or a host sent, received and met with, by its own node's reports alone.

It is the rule of the view `own_reports`, applied before rows are stored: whom an end had to do with
makes most of the rows, and its health does not ask for it.
"""

from __future__ import annotations

from sql.workloads import PARTS, Term, Whose

DIMENSIONS = (
    "kind",
    "namespace",
    "workload",
    "workload_kind",
    "pod",
    "zone",
    "region",
)
"""Of the end itself; `window`, `cluster` and `node` are before them."""
PLAIN = (
    "connections_reset",
    "connections_unreachable",
    "connections_handshake_reset",
    "connections_half_open",
    "listen_overflows",
    "retransmitted_segments",
    "retransmitted_bytes",
    "retransmission_timeouts",
    "retransmitted_syns",
    "resets_sent",
    "resets_received",
    "zero_windows_sent",
    "zero_windows_received",
    "out_of_order_segments",
    "datagram_errors",
    "dropped_packets",
    "drop_reasons",
    *(f"connect_latency_{part}" for part in PARTS),
    *(f"rtt_{part}" for part in PARTS),
)


def _moved(what: str) -> dict[str, tuple[Term, ...]]:
    out, back = f"{what}_to_server", f"{what}_to_client"
    return {
        f"{what}_sent": (Term(out, Whose.CLIENT), Term(back, Whose.SERVER)),
        f"{what}_received": (Term(back, Whose.CLIENT), Term(out, Whose.SERVER)),
    }


MEASURES: dict[str, tuple[Term, ...]] = {
    "flow_rows": (Term("flow_rows", Whose.ANY),),
    **_moved("bytes"),
    **_moved("packets"),
    "connections_attempted": (Term("connections_attempted", Whose.CLIENT),),
    "connections_opened": (Term("connections_established", Whose.CLIENT),),
    "connections_accepted": (Term("connections_established", Whose.SERVER),),
    "connections_refused": (Term("connections_refused", Whose.CLIENT),),
    "connections_timed_out": (Term("connections_timed_out", Whose.CLIENT),),
    **{name: (Term(name, Whose.ANY),) for name in PLAIN},
}
"""The columns of ends_1m and ends_1h in their order, each the sum of its terms."""
