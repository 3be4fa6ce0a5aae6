-- What agents and the stream say of themselves.

CREATE TABLE IF NOT EXISTS agent_ledger
(
    time             DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster          LowCardinality(String),
    node             LowCardinality(String),
    agent            LowCardinality(String),
    sequence         UInt64 CODEC(Delta, ZSTD(1)),
    kernel_records   UInt64 CODEC(Delta, ZSTD(1)),
    kernel_bytes     UInt64 CODEC(Delta, ZSTD(1)),
    lost_records     UInt64 CODEC(Delta, ZSTD(1)),
    lost_bytes       UInt64 CODEC(Delta, ZSTD(1)),
    storage_failures UInt64 CODEC(Delta, ZSTD(1)),
    agent_records    UInt64 CODEC(Delta, ZSTD(1)),
    agent_bytes      UInt64 CODEC(Delta, ZSTD(1)),
    shipped_rows     UInt64 CODEC(Delta, ZSTD(1)),
    shipped_bytes    UInt64 CODEC(Delta, ZSTD(1)),
    sampling         UInt64 CODEC(Delta, ZSTD(1)),
    stream_rows      UInt64 CODEC(T64, ZSTD(1)),
    stream_bytes     UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (cluster, node, agent, sequence)
TTL toDateTime(time) + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'One row per batch: the cumulative account of its agent, and what the stream decoded of it';

-- Everything cumulative only grows, so max() is the latest, whatever the order of arrival.
CREATE TABLE IF NOT EXISTS agent_totals
(
    cluster          LowCardinality(String),
    node             LowCardinality(String),
    agent            String,
    first_seen       SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen        SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    batches          SimpleAggregateFunction(sum, UInt64),
    last_sequence    SimpleAggregateFunction(max, UInt64),
    kernel_records   SimpleAggregateFunction(max, UInt64),
    kernel_bytes     SimpleAggregateFunction(max, UInt64),
    lost_records     SimpleAggregateFunction(max, UInt64),
    lost_bytes       SimpleAggregateFunction(max, UInt64),
    storage_failures SimpleAggregateFunction(max, UInt64),
    agent_records    SimpleAggregateFunction(max, UInt64),
    agent_bytes      SimpleAggregateFunction(max, UInt64),
    shipped_rows     SimpleAggregateFunction(max, UInt64),
    shipped_bytes    SimpleAggregateFunction(max, UInt64),
    sampling         SimpleAggregateFunction(max, UInt64),
    stream_rows      SimpleAggregateFunction(sum, UInt64),
    stream_bytes     SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (cluster, node, agent)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'agent_ledger summed up per agent instance, kept for good';

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_ledger_to_totals TO agent_totals AS
SELECT
    cluster, node, agent,
    min(time) AS first_seen,
    max(time) AS last_seen,
    count() AS batches,
    max(sequence) AS last_sequence,
    max(kernel_records) AS kernel_records,
    max(kernel_bytes) AS kernel_bytes,
    max(lost_records) AS lost_records,
    max(lost_bytes) AS lost_bytes,
    max(storage_failures) AS storage_failures,
    max(agent_records) AS agent_records,
    max(agent_bytes) AS agent_bytes,
    max(shipped_rows) AS shipped_rows,
    max(shipped_bytes) AS shipped_bytes,
    max(sampling) AS sampling,
    sum(stream_rows) AS stream_rows,
    sum(stream_bytes) AS stream_bytes
FROM agent_ledger
GROUP BY cluster, node, agent;

-- Which nodes had an agent that reported, by the hour. A node's rows are evidence as good as its
-- ledger: late rows of an hour without a ledger entry prove that the agent was there.
CREATE TABLE IF NOT EXISTS agents
(
    cluster LowCardinality(String),
    node    LowCardinality(String),
    hour    DateTime('UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (cluster, hour, node)
TTL hour + INTERVAL 13 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Nodes whose agent reported in that hour; may hold duplicates until merged';

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_ledger_to_agents TO agents AS
SELECT DISTINCT cluster, node, toStartOfHour(time) AS hour FROM agent_ledger;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_10s_to_agents TO agents AS
SELECT DISTINCT cluster, node, toStartOfHour(window) AS hour FROM flows_10s;

CREATE TABLE IF NOT EXISTS offset_ranges
(
    consumer_group LowCardinality(String),
    topic          LowCardinality(String),
    partition      UInt32,
    first_offset   UInt64,
    last_offset    UInt64,
    recorded_at    DateTime64(3, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (consumer_group, topic, partition, first_offset)
TTL toDateTime(recorded_at) + INTERVAL 3 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'Closed ranges of offsets, last one included, recorded by the stream before it inserts them';
