"""What a worker tells of the inventory that it resolves by."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

messages = Counter(
    "flowatlas_stream_inventory_messages_total", "Messages read from topic `inventory`."
)
objects = Gauge(
    "flowatlas_stream_inventory_objects",
    "Objects that there are, by topic `inventory`: pods, nodes and so on.",
    ["kind"],
)
malformed = Counter(
    "flowatlas_stream_inventory_malformed_total",
    "Records that could not be read; their last good version stays in use.",
)
lag = Gauge(
    "flowatlas_stream_inventory_lag_messages", "Messages of topic `inventory` not yet read."
)
waiting = Gauge("flowatlas_stream_inventory_waiting_changes", "Changes read and not yet applied.")
current = Gauge(
    "flowatlas_stream_inventory_current_timestamp_seconds",
    "Up to when the inventory is complete, Unix time; its age is time() minus this.",
)
read = Gauge(
    "flowatlas_stream_inventory_read_timestamp_seconds",
    "When the topic was last asked for more, Unix time.",
)
