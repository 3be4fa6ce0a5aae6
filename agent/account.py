"""What became of the kernel's records in one agent instance: the ledger that its batches carry."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import pyarrow as pa
import pyarrow.compute as pc

from agent.flows import volume
from agent.probe import KernelLedger
from agent.ring import Records
from agent.wire import Ledger

NOTHING = KernelLedger(**{each.name: 0 for each in fields(KernelLedger)})


@dataclass
class Account:
    """base: what earlier instances accounted for of the kernel's ledger, which outlives them."""

    base: KernelLedger = NOTHING
    ledger: Ledger = field(default_factory=Ledger)

    def hear(self, kernel: KernelLedger) -> None:
        """The kernel's own ledger, read before the ring buffer is drained: it never names a record
        that the agent did not have a chance to take."""
        self._set(
            kernel_records=kernel.records - self.base.records,
            kernel_bytes=kernel.bytes - self.base.bytes,
            lost_records=kernel.lost_records - self.base.lost_records,
            lost_bytes=kernel.lost_bytes - self.base.lost_bytes,
            storage_failures=kernel.storage_failures - self.base.storage_failures,
        )

    def take(self, records: Records) -> None:
        """Records that came off the ring buffer."""
        self._set(
            agent_records=self.ledger.agent_records + len(records),
            agent_bytes=self.ledger.agent_bytes + volume(records),
        )

    def ship(self, rows: pa.RecordBatch) -> None:
        """Rows about to be shipped."""
        self._set(
            shipped_rows=self.ledger.shipped_rows + rows.num_rows,
            shipped_bytes=self.ledger.shipped_bytes + row_volume(rows),
        )

    def drop(self, rows: int, application_bytes: int) -> None:
        """Shipped rows that were given up so far."""
        self._set(dropped_rows=rows, dropped_bytes=application_bytes)

    def close(self) -> None:
        """Nothing more is taken: what the kernel emits from here on is the next instance's."""
        taken = self.ledger
        self._set(kernel_records=taken.agent_records, kernel_bytes=taken.agent_bytes)

    def handed_over(self, kernel: KernelLedger) -> Account:
        """The next instance's account. kernel: at its start; less than what was accounted for
        already means that the programs were loaded anew."""
        told = self.ledger
        base = replace(
            NOTHING,
            records=self.base.records + told.agent_records,
            bytes=self.base.bytes + told.agent_bytes,
            lost_records=self.base.lost_records + told.lost_records,
            lost_bytes=self.base.lost_bytes + told.lost_bytes,
            storage_failures=self.base.storage_failures + told.storage_failures,
        )
        return Account(base if kernel.records >= base.records else NOTHING)

    def _set(self, **values: int) -> None:
        self.ledger = replace(self.ledger, **values)


def row_volume(rows: pa.RecordBatch) -> int:
    """Application bytes in both directions."""
    return int(sum(pc.sum(rows[f"bytes_to_{end}"]).as_py() or 0 for end in ("server", "client")))
