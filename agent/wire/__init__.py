"""What agents write to Kafka: the one contract between the agent and everything behind it.

This package is the only part of the agent that others import. Addresses are 16 bytes in network
order, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2), so the address family of a row is told by the
mapped prefix.
"""

from __future__ import annotations

from agent.wire import names
from agent.wire.batch import Batch, Codec, Headers, Ledger, Origin, WireError
from agent.wire.flows import (
    CODEC,
    COUNTERS,
    COUNTERS_SINCE_2,
    DISTRIBUTIONS,
    FINGERPRINT,
    FLOWS_TOPIC,
    HISTOGRAM_BUCKETS,
    KEY_COLUMNS,
    RARE,
    SCHEMA,
    VERSION,
    Protocol,
    Reporter,
    bucket_bounds_microseconds,
)

encode = CODEC.encode
headers = CODEC.headers
decode = CODEC.decode
decode_all = CODEC.decode_all

__all__ = [
    "CODEC",
    "COUNTERS",
    "COUNTERS_SINCE_2",
    "DISTRIBUTIONS",
    "FINGERPRINT",
    "FLOWS_TOPIC",
    "HISTOGRAM_BUCKETS",
    "KEY_COLUMNS",
    "RARE",
    "SCHEMA",
    "VERSION",
    "Batch",
    "Codec",
    "Headers",
    "Ledger",
    "Origin",
    "Protocol",
    "Reporter",
    "WireError",
    "bucket_bounds_microseconds",
    "decode",
    "decode_all",
    "encode",
    "headers",
    "names",
]
