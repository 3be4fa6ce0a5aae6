"""Write the golden batch of the present wire version: `python -m tests.golden.make`.

Run once when a version is made, never again: later versions must read the batch as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from agent import wire

FOLDER = Path(__file__).parent
ORIGIN = wire.Origin(
    node="node-a",
    agent="00112233445566778899aabbccddeeff",
    sequence=41,
    ledger=wire.Ledger(kernel_records=9, kernel_bytes=900, shipped_rows=2, shipped_bytes=900),
)


def example_rows(version: int = wire.VERSION) -> list[dict[str, Any]]:
    """Two rows with a different value in every measure: one full, one without samples.

    What came after `version` is null, as in a batch of that version; since 3 no counter is.
    """
    mapped = bytes(10) + b"\xff\xff"
    full: dict[str, Any] = {
        "interval_start": 1_795_000_000_000_000_001,
        "interval_end": 1_795_000_004_999_999_999,
        "reporter": 1,
        "role_certain": True,
        "protocol": 6,
        "client_address": mapped + bytes([10, 0, 1, 7]),
        "server_address": mapped + bytes([10, 96, 0, 10]),
        "server_port": 443,
        "cgroup_id": 4242,
    }
    full |= {name: 1000 + index for index, name in enumerate(wire.COUNTERS)}
    for index, name in enumerate(wire.DISTRIBUTIONS):
        full |= {
            f"{name}_count": 3,
            f"{name}_sum": 300 + index,
            f"{name}_min": 50,
            f"{name}_max": 150,
            f"{name}_histogram": [(1, 1), (2, 2)],
        }
    empty = dict.fromkeys(wire.COUNTERS, 0)
    without: dict[str, Any] = full | empty | {"reporter": 2, "protocol": 17, "role_certain": False}
    without["client_address"] = bytes.fromhex("fd00000000000000000000000000000a")
    for name in wire.DISTRIBUTIONS:
        without |= {f"{name}_count": 0, f"{name}_sum": 0}
        without |= {f"{name}_min": None, f"{name}_max": None, f"{name}_histogram": []}
    for row in (full, without):
        row |= {name: None for name in wire.SCHEMA.names if name not in row}
    if version >= 2:
        full |= {name: 2000 + index for index, name in enumerate(wire.COUNTERS_SINCE_2)}
        full |= {
            "drop_reasons": [("NO_SOCKET", 3), ("SOCKET_RCVBUFF", 5)],
            "backend_address": mapped + bytes([10, 0, 2, 9]),
            "backend_port": 8443,
            "pod_uid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "container_id": 32 * "9f",
        }
    if version >= 3:
        without |= dict.fromkeys(wire.COUNTERS_SINCE_2, 0)
    return [full, without]


def example_names() -> list[dict[str, Any]]:
    """Two rows with a different value in every column: one of a pod, one of a node."""
    told: dict[str, Any] = {
        "time": 1_795_000_000_000_000_001,
        "receiver": bytes(10) + b"\xff\xff" + bytes([10, 0, 1, 7]),
        "cgroup_id": 4242,
        "address": bytes(10) + b"\xff\xff" + bytes([52, 219, 4, 8]),
        "name": "bucket.s3.eu-west-1.amazonaws.com",
        "ttl_seconds": 5,
        "pod_uid": "4dd3cbd3-9f7f-44a8-9b4a-4cf2b5b4b4a4",
    }
    address = bytes.fromhex("2a05d07aa00000000000000000000001")
    node = {"cgroup_id": 0, "address": address, "ttl_seconds": 86_400, "pod_uid": None}
    return [told, told | node]


def main() -> None:
    """Write flows-vN and names-v1, each as .arrow (the message's value) and .json (its headers)."""
    _write(f"flows-v{wire.VERSION}", wire.CODEC, example_rows())
    _write("names-v1", wire.names.CODEC, example_names())


def _write(name: str, codec: wire.Codec, rows: list[dict[str, Any]]) -> None:
    batch = pa.RecordBatch.from_pylist(rows, schema=codec.schema)
    headers = {name: value.decode() for name, value in codec.headers(ORIGIN)}
    (FOLDER / f"{name}.arrow").write_bytes(codec.encode(batch))
    (FOLDER / f"{name}.json").write_text(json.dumps(headers, indent=2) + "\n")


if __name__ == "__main__":
    main()
