"""The name row: one address that a pod was given in answer to a DNS question."""

from __future__ import annotations

import pyarrow as pa

from agent.wire.batch import Codec

NAMES_TOPIC = "names"


def _field(name: str, kind: pa.DataType, about: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"about": about})


def _version_1() -> pa.Schema:
    address = pa.dictionary(pa.int32(), pa.binary(16))
    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            _field("time", pa.timestamp("ns", tz="UTC"), "when the answer arrived"),
            _field("receiver", address, "who had asked: 16 bytes, IPv4 mapped"),
            _field("cgroup_id", pa.uint64(), "cgroup v2 id of the asking socket, 0 unknown"),
            _field("address", address, "the answer: 16 bytes, IPv4 mapped"),
            _field("name", word, "the name asked for, lower case, CNAMEs followed, no final dot"),
            _field("ttl_seconds", pa.uint32(), "the least TTL along the chain of CNAMEs"),
            _field("pod_uid", word, "pod of the asking socket by its cgroup", nullable=True),
        ]
    )


SCHEMA = _version_1()
CODEC = Codec("names", [SCHEMA])
