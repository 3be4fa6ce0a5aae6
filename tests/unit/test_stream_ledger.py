"""The ledger's sequences, and the names under which they are counted."""

from __future__ import annotations

from prometheus_client import REGISTRY

from stream.decode import Delivery
from stream.ledger import Sequences
from tests.unit.stream_batches import batch


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"flowatlas_stream_{name}_batches_total") or 0.0


def test_repeated_and_missing_batches_are_counted_per_agent() -> None:
    repeated, missing = counted("repeated"), counted("missing")
    sequences = Sequences()
    for node, sequence in [("a", 4), ("b", 0), ("a", 5), ("a", 5), ("a", 8), ("b", 1), ("a", 4)]:
        sequences.see(Delivery(0, 0.0, batch([{}], node, sequence)))
    assert counted("repeated") - repeated == 2
    assert counted("missing") - missing == 2
