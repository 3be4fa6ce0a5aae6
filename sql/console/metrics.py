"""Every number that the console tells of itself."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)

REQUESTS = Counter(
    "flowatlas_console_requests_total",
    "Requests answered, by path and HTTP status; other: the page and what is not there.",
    ["path", "status"],
)
REQUEST_SECONDS = Histogram(
    "flowatlas_console_request_seconds",
    "From a request's arrival to its answer's end.",
    ["path"],
    buckets=SECONDS,
)
QUERY_SECONDS = Histogram(
    "flowatlas_console_query_seconds",
    "From asking ClickHouse to its whole answer, without waiting for a turn.",
    buckets=SECONDS,
)
CLICKHOUSE_FAILURES = Counter(
    "flowatlas_console_clickhouse_failures_total",
    "Queries without an answer: away (nobody there), slow (given up), refused (an error).",
    ["reason"],
)
for reason in ("away", "slow", "refused"):
    CLICKHOUSE_FAILURES.labels(reason)
