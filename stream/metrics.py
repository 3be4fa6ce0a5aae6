"""Every number that the stream tells of itself, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

messages = Counter("flowatlas_stream_messages_total", "Kafka messages inserted.", ["partition"])
rows = Counter("flowatlas_stream_rows_total", "Flow rows inserted, as the agents sent them.")
traffic = Counter(
    "flowatlas_stream_bytes_total", "Application bytes the inserted flow rows stand for."
)
window_rows = Counter("flowatlas_stream_window_rows_total", "Window rows the flow rows became.")
lag = Gauge("flowatlas_stream_lag_messages", "Messages in Kafka not yet taken.", ["partition"])
pending_rows = Gauge("flowatlas_stream_pending_rows", "Flow rows consumed and not yet inserted.")
watermark = Gauge(
    "flowatlas_stream_watermark_timestamp_seconds", "Newest interval end inserted, Unix time."
)
stage_seconds = Counter(
    "flowatlas_stream_stage_seconds_total",
    "Processor time by stage: fetch, decode, resolve, window, price, rollup, encode, insert.",
    ["stage"],
)
last_insert = Gauge(
    "flowatlas_stream_last_insert_timestamp_seconds", "When a range was last inserted, Unix time."
)
waiting_ranges = Gauge(
    "flowatlas_stream_waiting_ranges", "Closed ranges that wait for the one being inserted."
)
rollup_seconds = Histogram(
    "flowatlas_stream_rollup_seconds", "Time to resolve and aggregate a range.", buckets=SECONDS
)
insert_seconds = Histogram(
    "flowatlas_stream_insert_seconds", "Time to insert a range, retries included.", buckets=SECONDS
)
retries = Counter("flowatlas_stream_retries_total", "Calls to ClickHouse repeated after an error.")
dead_letters = Counter("flowatlas_stream_dead_letters_total", "Messages that could not be decoded.")
expired_messages = Counter(
    "flowatlas_stream_expired_messages_total", "Messages Kafka dropped before they were read."
)
rewinds = Counter(
    "flowatlas_stream_rewinds_total",
    "Times that messages came ahead of their turn, were let go of and read again.",
)
repeated_batches = Counter(
    "flowatlas_stream_repeated_batches_total", "Batches whose sequence number had been seen."
)
missing_batches = Counter(
    "flowatlas_stream_missing_batches_total", "Sequence numbers of agents that were passed over."
)
reload_failures = Counter(
    "flowatlas_stream_reload_failures_total",
    "Changed files that could not be used; the last good version stayed in use.",
    ["file"],
)
loaded = Gauge(
    "flowatlas_stream_loaded_timestamp_seconds", "When the file in use was loaded.", ["file"]
)
network_collected = Gauge(
    "flowatlas_stream_network_collected_timestamp_seconds",
    "When the newest network file in use was collected; 0 without one.",
)
price_book = Gauge(
    "flowatlas_stream_price_book_timestamp_seconds",
    "From when on the prices in use are valid, your own before the built-in ones.",
)
unpriced_bytes = Counter(
    "flowatlas_stream_unpriced_bytes_total", "Bytes of reports whose charges are not all known."
)

names_rows = Counter("flowatlas_stream_names_rows_total", "DNS answers taken in from topic names.")
names_entries = Gauge(
    "flowatlas_stream_names_entries", "Who was told which name for which address: entries known."
)
names_lag = Gauge("flowatlas_stream_names_lag_messages", "Messages of topic names not yet read.")
names_unreadable = Counter(
    "flowatlas_stream_names_unreadable_total", "Messages of topic names that could not be decoded."
)
ip_ranges_published = Gauge(
    "flowatlas_stream_ip_ranges_published_timestamp_seconds",
    "When AWS published the ip-ranges.json in use.",
)
ip_ranges_checked = Gauge(
    "flowatlas_stream_ip_ranges_checked_timestamp_seconds",
    "When ip-ranges.json was last fetched, or confirmed to be the newest.",
)
ip_ranges_failures = Counter(
    "flowatlas_stream_ip_ranges_failures_total", "Times ip-ranges.json could not be fetched."
)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Counts the thread's processor time in the block as that stage's."""
    started = time.thread_time()
    try:
        yield
    finally:
        stage_seconds.labels(name).inc(time.thread_time() - started)
