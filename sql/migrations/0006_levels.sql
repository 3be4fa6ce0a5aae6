-- The stream rolls up what it inserts: a range seldom spans two minutes, so its rows by the minute are
-- those by 10 s under another window, and grouping them again cost ClickHouse more than all the rest.
-- It inserts each level under the range's token; views here would count every row twice.

DROP VIEW IF EXISTS flows_10s_to_1m;
DROP VIEW IF EXISTS flows_1m_to_1h;

-- `newest` is 1970 in rows of before, and so is `inserted_at` then, rather than the time of reading.
ALTER TABLE agent_ledger
    ADD COLUMN IF NOT EXISTS newest      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS inserted_at DateTime64(3, 'UTC') DEFAULT if(toUnixTimestamp64Milli(newest) = 0, newest, now64(3)) CODEC(Delta, ZSTD(1));

CREATE TABLE IF NOT EXISTS repeated_batches
(
    time      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster   LowCardinality(String),
    node      LowCardinality(String),
    agent     LowCardinality(String),
    sequence  UInt64 CODEC(Delta, ZSTD(1)),
    topic     LowCardinality(String),
    partition UInt32,
    offset    UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (cluster, node, agent, sequence)
TTL toDateTime(time) + INTERVAL 13 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'Messages that brought a batch once more; the stream passed over them';

-- `accounted`: whatever is not in the tables is in a counter of losses. `missing_batches` counts the
-- numbers of each agent, which have no gaps, that never came.
CREATE OR REPLACE VIEW coverage AS
WITH
    by_agent AS (
        SELECT
            cluster, node, agent,
            max(last_seen) AS last_seen,
            max(last_sequence) + 1 AS batches_sent,
            sum(batches) AS batches_received,
            toUInt64(greatest(max(last_sequence) + 1 - sum(batches), 0)) AS missing_batches,
            max(kernel_records) AS kernel_records, max(kernel_bytes) AS kernel_bytes,
            max(lost_records) AS lost_records, max(lost_bytes) AS lost_bytes,
            max(storage_failures) AS storage_failures,
            max(agent_records) AS agent_records, max(agent_bytes) AS agent_bytes,
            max(shipped_rows) AS shipped_rows, max(shipped_bytes) AS shipped_bytes,
            max(dropped_rows) AS dropped_rows, max(dropped_bytes) AS dropped_bytes,
            sum(stream_rows) AS stream_rows, sum(stream_bytes) AS stream_bytes
        FROM agent_totals
        GROUP BY cluster, node, agent
    ),
    by_node AS (
        SELECT
            cluster, node, count() AS agents, max(last_seen) AS last_seen,
            sum(batches_sent) AS batches_sent, sum(batches_received) AS batches_received,
            sum(missing_batches) AS missing_batches,
            sum(kernel_records) AS kernel_records, sum(kernel_bytes) AS kernel_bytes,
            sum(lost_records) AS lost_records, sum(lost_bytes) AS lost_bytes,
            sum(storage_failures) AS storage_failures,
            sum(agent_records) AS agent_records, sum(agent_bytes) AS agent_bytes,
            sum(shipped_rows) AS shipped_rows, sum(shipped_bytes) AS shipped_bytes,
            sum(dropped_rows) AS dropped_rows, sum(dropped_bytes) AS dropped_bytes,
            sum(stream_rows) AS stream_rows, sum(stream_bytes) AS stream_bytes
        FROM by_agent
        GROUP BY cluster, node
    ),
    repeats AS (
        SELECT cluster, node, count() AS repeated_batches
        FROM repeated_batches
        GROUP BY cluster, node
    ),
    nodes AS (SELECT * FROM by_node LEFT JOIN repeats USING (cluster, node)),
    tables AS (
        SELECT
            cluster, node, sum(flow_rows) AS table_rows,
            sum(bytes_to_server) + sum(bytes_to_client) AS table_bytes
        FROM flows_1h
        GROUP BY cluster, node
    )
SELECT
    *,
    kernel_records = agent_records AND shipped_rows = stream_rows AND stream_rows = table_rows
        AS records_equal,
    kernel_bytes = agent_bytes AND agent_bytes = shipped_bytes AND shipped_bytes = stream_bytes
        AND stream_bytes = table_bytes AS bytes_equal,
    kernel_records = agent_records AND shipped_rows = stream_rows + dropped_rows
        AND stream_rows = table_rows AND kernel_bytes = agent_bytes AND agent_bytes = shipped_bytes
        AND shipped_bytes = stream_bytes + dropped_bytes AND stream_bytes = table_bytes AS accounted,
    table_bytes / nullIf(kernel_bytes + lost_bytes, 0) AS covered
FROM nodes
FULL OUTER JOIN tables USING (cluster, node);
