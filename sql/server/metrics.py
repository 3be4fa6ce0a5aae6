"""Every number that the embedded server moves."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "flowatlas_server_requests_total",
    "Queries answered, by kind and HTTP status.",
    ["kind", "status"],
)
SECONDS = Histogram(
    "flowatlas_server_request_seconds", "From a query's arrival to its answer's end.", ["kind"]
)
RUNNING = Gauge("flowatlas_server_running_requests", "Queries being answered now.")
RECEIVED = Counter("flowatlas_server_received_bytes_total", "Data inserted, uncompressed bytes.")
SENT = Counter("flowatlas_server_sent_bytes_total", "Answers sent, bytes as compressed.")
