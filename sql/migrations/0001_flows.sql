-- The rollups: 10 s windows at pod grain, and from them, by materialized views, 1 min at pod grain
-- and 1 h at workload grain. Every measure is additive (or min/max), so a late row is simply added.
-- Dimensions are the sorting key: rows that share them are merged in the background, and a query
-- that sums, or sumMaps, is right before and after.

CREATE TABLE IF NOT EXISTS flows_10s
(
    window                     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    cluster                    LowCardinality(String),
    node                       LowCardinality(String),
    reporter                   Enum8('client' = 1, 'server' = 2),
    role_certain               Bool,
    protocol                   Enum8('TCP' = 6, 'UDP' = 17),
    server_port                UInt16,
    client_kind                LowCardinality(String),
    client_namespace           LowCardinality(String),
    client_workload            LowCardinality(String),
    client_workload_kind       LowCardinality(String),
    client_pod                 LowCardinality(String),
    client_node                LowCardinality(String),
    client_zone                LowCardinality(String),
    client_region              LowCardinality(String),
    client_service             LowCardinality(String),
    client_method              LowCardinality(String),
    client_address             IPv6,
    server_kind                LowCardinality(String),
    server_namespace           LowCardinality(String),
    server_workload            LowCardinality(String),
    server_workload_kind       LowCardinality(String),
    server_pod                 LowCardinality(String),
    server_node                LowCardinality(String),
    server_zone                LowCardinality(String),
    server_region              LowCardinality(String),
    server_service             LowCardinality(String),
    server_method              LowCardinality(String),
    server_address             IPv6,
    flow_rows                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_to_server            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_to_client            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_to_server          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_to_client          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_attempted      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_established    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_closed         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_refused        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_timed_out      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_reset          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_segments     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_bytes        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmission_timeouts    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_sent                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_received            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_count      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_sum        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_min        SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(ZSTD(1)),
    connect_latency_max        SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(ZSTD(1)),
    connect_latency_histogram  SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1)),
    rtt_count                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rtt_sum                    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rtt_min                    SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(ZSTD(1)),
    rtt_max                    SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(ZSTD(1)),
    rtt_histogram              SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(window)
PRIMARY KEY (cluster, window, client_namespace, client_workload, server_namespace, server_workload)
ORDER BY (
    cluster, window, client_namespace, client_workload, server_namespace, server_workload, node,
    reporter, role_certain, protocol, server_port, client_kind, client_workload_kind,
    client_pod, client_node, client_zone, client_region, client_service, client_method,
    client_address, server_kind, server_workload_kind, server_pod, server_node, server_zone,
    server_region, server_service, server_method, server_address
)
TTL window + INTERVAL 3 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'What each node reported of each conversation, per 10 s window';

CREATE TABLE IF NOT EXISTS flows_1m AS flows_10s
ENGINE = AggregatingMergeTree
PARTITION BY toDate(window)
PRIMARY KEY (cluster, window, client_namespace, client_workload, server_namespace, server_workload)
ORDER BY (
    cluster, window, client_namespace, client_workload, server_namespace, server_workload, node,
    reporter, role_certain, protocol, server_port, client_kind, client_workload_kind,
    client_pod, client_node, client_zone, client_region, client_service, client_method,
    client_address, server_kind, server_workload_kind, server_pod, server_node, server_zone,
    server_region, server_service, server_method, server_address
)
TTL window + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'flows_10s by the minute';

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_10s_to_1m TO flows_1m AS
SELECT
    toStartOfMinute(flows_10s.window) AS window, cluster, node, reporter, role_certain,
    protocol, server_port, client_kind, client_namespace, client_workload, client_workload_kind,
    client_pod, client_node, client_zone, client_region, client_service, client_method,
    client_address, server_kind, server_namespace, server_workload, server_workload_kind,
    server_pod, server_node, server_zone, server_region, server_service, server_method,
    server_address,
    sum(flow_rows) AS flow_rows,
    sum(bytes_to_server) AS bytes_to_server,
    sum(bytes_to_client) AS bytes_to_client,
    sum(packets_to_server) AS packets_to_server,
    sum(packets_to_client) AS packets_to_client,
    sum(connections_attempted) AS connections_attempted,
    sum(connections_established) AS connections_established,
    sum(connections_closed) AS connections_closed,
    sum(connections_refused) AS connections_refused,
    sum(connections_timed_out) AS connections_timed_out,
    sum(connections_reset) AS connections_reset,
    sum(retransmitted_segments) AS retransmitted_segments,
    sum(retransmitted_bytes) AS retransmitted_bytes,
    sum(retransmission_timeouts) AS retransmission_timeouts,
    sum(resets_sent) AS resets_sent,
    sum(resets_received) AS resets_received,
    sum(connect_latency_count) AS connect_latency_count,
    sum(connect_latency_sum) AS connect_latency_sum,
    min(connect_latency_min) AS connect_latency_min,
    max(connect_latency_max) AS connect_latency_max,
    sumMap(connect_latency_histogram) AS connect_latency_histogram,
    sum(rtt_count) AS rtt_count,
    sum(rtt_sum) AS rtt_sum,
    min(rtt_min) AS rtt_min,
    max(rtt_max) AS rtt_max,
    sumMap(rtt_histogram) AS rtt_histogram
FROM flows_10s
GROUP BY ALL;

CREATE TABLE IF NOT EXISTS flows_1h
(
    window                     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    cluster                    LowCardinality(String),
    node                       LowCardinality(String),
    reporter                   Enum8('client' = 1, 'server' = 2),
    role_certain               Bool,
    protocol                   Enum8('TCP' = 6, 'UDP' = 17),
    server_port                UInt16,
    client_kind                LowCardinality(String),
    client_namespace           LowCardinality(String),
    client_workload            LowCardinality(String),
    client_workload_kind       LowCardinality(String),
    client_node                LowCardinality(String),
    client_zone                LowCardinality(String),
    client_region              LowCardinality(String),
    client_service             LowCardinality(String),
    client_method              LowCardinality(String),
    server_kind                LowCardinality(String),
    server_namespace           LowCardinality(String),
    server_workload            LowCardinality(String),
    server_workload_kind       LowCardinality(String),
    server_node                LowCardinality(String),
    server_zone                LowCardinality(String),
    server_region              LowCardinality(String),
    server_service             LowCardinality(String),
    server_method              LowCardinality(String),
    flow_rows                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_to_server            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_to_client            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_to_server          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_to_client          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_attempted      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_established    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_closed         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_refused        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_timed_out      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_reset          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_segments     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_bytes        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmission_timeouts    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_sent                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_received            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_count      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_sum        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_min        SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(ZSTD(1)),
    connect_latency_max        SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(ZSTD(1)),
    connect_latency_histogram  SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1)),
    rtt_count                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rtt_sum                    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rtt_min                    SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(ZSTD(1)),
    rtt_max                    SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(ZSTD(1)),
    rtt_histogram              SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window)
PRIMARY KEY (cluster, window, client_namespace, client_workload, server_namespace, server_workload)
ORDER BY (
    cluster, window, client_namespace, client_workload, server_namespace, server_workload, node,
    reporter, role_certain, protocol, server_port, client_kind, client_workload_kind,
    client_node, client_zone, client_region, client_service, client_method, server_kind,
    server_workload_kind, server_node, server_zone, server_region, server_service, server_method
)
TTL window + INTERVAL 13 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
COMMENT 'flows_1m by the hour, without pods and addresses';

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1m_to_1h TO flows_1h AS
SELECT
    toStartOfHour(flows_1m.window) AS window, cluster, node, reporter, role_certain, protocol,
    server_port, client_kind, client_namespace, client_workload, client_workload_kind,
    client_node, client_zone, client_region, client_service, client_method, server_kind,
    server_namespace, server_workload, server_workload_kind, server_node, server_zone,
    server_region, server_service, server_method,
    sum(flow_rows) AS flow_rows,
    sum(bytes_to_server) AS bytes_to_server,
    sum(bytes_to_client) AS bytes_to_client,
    sum(packets_to_server) AS packets_to_server,
    sum(packets_to_client) AS packets_to_client,
    sum(connections_attempted) AS connections_attempted,
    sum(connections_established) AS connections_established,
    sum(connections_closed) AS connections_closed,
    sum(connections_refused) AS connections_refused,
    sum(connections_timed_out) AS connections_timed_out,
    sum(connections_reset) AS connections_reset,
    sum(retransmitted_segments) AS retransmitted_segments,
    sum(retransmitted_bytes) AS retransmitted_bytes,
    sum(retransmission_timeouts) AS retransmission_timeouts,
    sum(resets_sent) AS resets_sent,
    sum(resets_received) AS resets_received,
    sum(connect_latency_count) AS connect_latency_count,
    sum(connect_latency_sum) AS connect_latency_sum,
    min(connect_latency_min) AS connect_latency_min,
    max(connect_latency_max) AS connect_latency_max,
    sumMap(connect_latency_histogram) AS connect_latency_histogram,
    sum(rtt_count) AS rtt_count,
    sum(rtt_sum) AS rtt_sum,
    min(rtt_min) AS rtt_min,
    max(rtt_max) AS rtt_max,
    sumMap(rtt_histogram) AS rtt_histogram
FROM flows_1m
GROUP BY ALL;
