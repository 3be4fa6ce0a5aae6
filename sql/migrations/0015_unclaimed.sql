-- What counts besides of nodes without an agent, as rows of their own.
--
-- `unclaimed_between` read it from the rows of pods, and finding out that there is nothing to read took
-- ClickHouse half of the time that it takes to plan a statement over `edges_summed`. Now the stream inserts
-- it, of those nodes of which it knows no agent in that hour; once there is one in `agents`, which never
-- takes it back, the rows no longer count. So nobody has to know in advance who has an agent.

DROP TABLE IF EXISTS unclaimed;

CREATE TABLE IF NOT EXISTS unclaimed
(
    seconds                           UInt16 CODEC(ZSTD(1)),
    window                            DateTime('UTC') CODEC(Delta, ZSTD(1)),
    cluster                           LowCardinality(String) CODEC(ZSTD(1)),
    protocol                          Enum8('TCP' = 6, 'UDP' = 17) CODEC(ZSTD(1)),
    server_port                       UInt16 CODEC(ZSTD(1)),
    client_kind                       LowCardinality(String) CODEC(ZSTD(1)),
    client_namespace                  LowCardinality(String) CODEC(ZSTD(1)),
    client_workload                   LowCardinality(String) CODEC(ZSTD(1)),
    client_workload_kind              LowCardinality(String) CODEC(ZSTD(1)),
    client_zone                       LowCardinality(String) CODEC(ZSTD(1)),
    client_region                     LowCardinality(String) CODEC(ZSTD(1)),
    client_service                    LowCardinality(String) CODEC(ZSTD(1)),
    client_zone_id                    LowCardinality(String) CODEC(ZSTD(1)),
    client_dns_name                   LowCardinality(String) CODEC(ZSTD(1)),
    server_kind                       LowCardinality(String) CODEC(ZSTD(1)),
    server_namespace                  LowCardinality(String) CODEC(ZSTD(1)),
    server_workload                   LowCardinality(String) CODEC(ZSTD(1)),
    server_workload_kind              LowCardinality(String) CODEC(ZSTD(1)),
    server_zone                       LowCardinality(String) CODEC(ZSTD(1)),
    server_region                     LowCardinality(String) CODEC(ZSTD(1)),
    server_service                    LowCardinality(String) CODEC(ZSTD(1)),
    server_zone_id                    LowCardinality(String) CODEC(ZSTD(1)),
    server_dns_name                   LowCardinality(String) CODEC(ZSTD(1)),
    path                              Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) CODEC(ZSTD(1)),
    path_behind                       Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) CODEC(ZSTD(1)),
    gateway                           LowCardinality(String) CODEC(ZSTD(1)),
    flow_rows                         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_to_server                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_to_client                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_to_server                 SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_to_client                 SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_attempted             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_established           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_closed                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_refused               SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_timed_out             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_reset                 SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_unreachable           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_handshake_reset       SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    connections_half_open             SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    listen_overflows                  SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    resets_to_server                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_to_client                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    zero_windows_to_server            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    zero_windows_to_client            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_segments_to_server  SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmitted_segments_to_client  SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmitted_bytes_to_server     SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmitted_bytes_to_client     SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmission_timeouts_to_server SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmission_timeouts_to_client SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmitted_syns_to_server      SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    retransmitted_syns_to_client      SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    out_of_order_segments_to_server   SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    out_of_order_segments_to_client   SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    datagram_errors_to_server         SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    datagram_errors_to_client         SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    client_dropped_packets            SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    client_drop_reasons               SimpleAggregateFunction(sumMap, Map(String, UInt64)) DEFAULT map() CODEC(ZSTD(1)),
    server_dropped_packets            SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    server_drop_reasons               SimpleAggregateFunction(sumMap, Map(String, UInt64)) DEFAULT map() CODEC(ZSTD(1)),
    connect_latency_count             SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    connect_latency_sum               SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    connect_latency_min               SimpleAggregateFunction(min, Nullable(UInt32)) DEFAULT NULL CODEC(T64, ZSTD(1)),
    connect_latency_max               SimpleAggregateFunction(max, Nullable(UInt32)) DEFAULT NULL CODEC(T64, ZSTD(1)),
    connect_latency_histogram         SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) DEFAULT map() CODEC(ZSTD(1)),
    client_rtt_count                  SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    client_rtt_sum                    SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    client_rtt_min                    SimpleAggregateFunction(min, Nullable(UInt32)) DEFAULT NULL CODEC(T64, ZSTD(1)),
    client_rtt_max                    SimpleAggregateFunction(max, Nullable(UInt32)) DEFAULT NULL CODEC(T64, ZSTD(1)),
    client_rtt_histogram              SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) DEFAULT map() CODEC(ZSTD(1)),
    server_rtt_count                  SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    server_rtt_sum                    SimpleAggregateFunction(sum, UInt64) DEFAULT 0 CODEC(T64, ZSTD(1)),
    server_rtt_min                    SimpleAggregateFunction(min, Nullable(UInt32)) DEFAULT NULL CODEC(T64, ZSTD(1)),
    server_rtt_max                    SimpleAggregateFunction(max, Nullable(UInt32)) DEFAULT NULL CODEC(T64, ZSTD(1)),
    server_rtt_histogram              SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) DEFAULT map() CODEC(ZSTD(1)),
    cost_usd                          SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    unpriced_bytes                    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_labels                     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    server_labels                     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    node                              LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY (seconds, if(seconds = 60, toDate(window), toStartOfMonth(window)))
PRIMARY KEY (cluster, seconds, window, node)
ORDER BY (
    cluster, seconds, window, node, client_namespace, client_workload, server_namespace, server_workload,
    protocol, server_port, client_kind, client_workload_kind, client_zone, client_region, client_service,
    client_zone_id, client_dns_name, server_kind, server_workload_kind, server_zone, server_region,
    server_service, server_zone_id, server_dns_name, path, path_behind, gateway
)
TTL window + toIntervalDay(if(seconds = 60, 30, 396)) DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'What counts besides while a node has no row in agents: by the minute, and again by the hour';

-- Filled once by what is kept, and by the stream from then on.
CREATE OR REPLACE VIEW unclaimed_reports AS
SELECT
    _table AS rollup, flowatlasSeconds(rollup) AS seconds,
    window, cluster, protocol, server_port, client_kind, client_namespace, client_workload,
    client_workload_kind, client_zone, client_region, client_service, client_zone_id, client_dns_name,
    server_kind, server_namespace, server_workload, server_workload_kind, server_zone, server_region,
    server_service, server_zone_id, server_dns_name, path, path_behind, gateway,
    flow_rows,
    if(reporter = 'server', bytes_to_server, 0) AS bytes_to_server,
    if(reporter = 'server', bytes_to_client, 0) AS bytes_to_client,
    if(reporter = 'server', packets_to_server, 0) AS packets_to_server,
    if(reporter = 'server', packets_to_client, 0) AS packets_to_client,
    if(reporter = 'server', connections_attempted, 0) AS connections_attempted,
    if(reporter = 'server', connections_established, 0) AS connections_established,
    if(reporter = 'server', connections_closed, 0) AS connections_closed,
    if(reporter = 'server', connections_refused, 0) AS connections_refused,
    if(reporter = 'server', connections_timed_out, 0) AS connections_timed_out,
    if(reporter = 'server', connections_reset, 0) AS connections_reset,
    if(reporter = 'server', connections_unreachable, 0) AS connections_unreachable,
    if(reporter = 'server', resets_received, 0) AS resets_to_server,
    if(reporter = 'server', resets_sent, 0) AS resets_to_client,
    if(reporter = 'server', zero_windows_received, 0) AS zero_windows_to_server,
    if(reporter = 'server', zero_windows_sent, 0) AS zero_windows_to_client,
    cost_far_usd AS cost_usd,
    if(reporter = 'server', unpriced_bytes, 0) AS unpriced_bytes,
    client_labels, server_labels,
    if(reporter = 'client', server_node, client_node) AS far_node
FROM merge(currentDatabase(), '^flows_(1m|1h)$')
WHERE far_node != '' AND (reporter = 'server' OR cost_far_usd != 0)
    AND (cityHash64(cluster, far_node), toStartOfHour(window))
        NOT IN (SELECT cityHash64(cluster, node), hour FROM agents);

INSERT INTO unclaimed
(
    seconds, window, cluster, protocol, server_port, client_kind, client_namespace, client_workload,
    client_workload_kind, client_zone, client_region, client_service, client_zone_id, client_dns_name,
    server_kind, server_namespace, server_workload, server_workload_kind, server_zone, server_region,
    server_service, server_zone_id, server_dns_name, path, path_behind, gateway, flow_rows,
    bytes_to_server, bytes_to_client, packets_to_server, packets_to_client, connections_attempted,
    connections_established, connections_closed, connections_refused, connections_timed_out,
    connections_reset, connections_unreachable, resets_to_server, resets_to_client, zero_windows_to_server,
    zero_windows_to_client, cost_usd, unpriced_bytes, client_labels, server_labels, node
)
SELECT * EXCEPT rollup FROM unclaimed_reports;

DROP VIEW IF EXISTS unclaimed_reports;

DROP VIEW IF EXISTS unclaimed_between;

DROP VIEW IF EXISTS silent_nodes_between;

DROP VIEW IF EXISTS flows_1h_to_named_nodes;

DROP TABLE IF EXISTS named_nodes;

-- Those of nodes of which no agent has been heard since.
CREATE OR REPLACE VIEW still_unclaimed AS
SELECT * EXCEPT (flow_rows, node)
FROM unclaimed
WHERE window >= toStartOfHour({since:DateTime}) AND window < {until:DateTime}
    AND (cityHash64(cluster, node), toStartOfHour(window))
        NOT IN (SELECT cityHash64(cluster, node), hour FROM agents WHERE hour >= toStartOfHour({since:DateTime}) AND hour < {until:DateTime});

-- `edges` has every minute that is kept, `edges_1h` every hour.
CREATE OR REPLACE VIEW edges AS
SELECT * EXCEPT flow_rows FROM workloads_1m
UNION ALL
SELECT * EXCEPT seconds
FROM still_unclaimed(since = now() - INTERVAL 31 DAY, until = now() + INTERVAL 1 DAY)
WHERE seconds = 60;

CREATE OR REPLACE VIEW edges_1h AS
SELECT * EXCEPT flow_rows FROM workloads_1h
UNION ALL
SELECT * EXCEPT seconds
FROM still_unclaimed(since = toDateTime(0), until = now() + INTERVAL 1 DAY)
WHERE seconds = 3600;

CREATE OR REPLACE VIEW edges_1h_since AS
SELECT * EXCEPT flow_rows FROM workloads_1h WHERE window >= toStartOfHour({since:DateTime})
UNION ALL
SELECT * EXCEPT seconds
FROM still_unclaimed(since = {since:DateTime}, until = now() + INTERVAL 1 DAY)
WHERE seconds = 3600;

-- The rule of 0012, by the agents of the hours that are asked for: those of 13 months and thousands of nodes
-- are tens of millions.
CREATE OR REPLACE VIEW reports_since AS
SELECT
    _table AS rollup,
    window, cluster, node, reporter, role_certain, protocol, server_port,
    client_kind, client_namespace, client_workload, client_workload_kind, client_pod, client_node,
    client_zone, client_region, client_service, client_method, client_zone_id, client_confidence,
    client_dns_name, client_labels, client_address,
    server_kind, server_namespace, server_workload, server_workload_kind, server_pod, server_node,
    server_zone, server_region, server_service, server_method, server_zone_id, server_confidence,
    server_dns_name, server_labels, server_address,
    path, path_behind, gateway,
    reporter = 'client'
        OR (cityHash64(cluster, client_node), toStartOfHour(window))
            NOT IN (SELECT cityHash64(cluster, node), hour FROM agents WHERE hour >= toStartOfHour({since:DateTime}))
        AS counts,
    if(counts, bytes_to_server, 0) AS bytes_to_server,
    if(counts, bytes_to_client, 0) AS bytes_to_client,
    if(counts, packets_to_server, 0) AS packets_to_server,
    if(counts, packets_to_client, 0) AS packets_to_client,
    if(counts, connections_attempted, 0) AS connections_attempted,
    if(counts, connections_established, 0) AS connections_established,
    if(counts, connections_closed, 0) AS connections_closed,
    if(counts, connections_refused, 0) AS connections_refused,
    if(counts, connections_timed_out, 0) AS connections_timed_out,
    if(counts, connections_reset, 0) AS connections_reset,
    if(counts, connections_unreachable, 0) AS connections_unreachable,
    if(reporter = 'server', connections_handshake_reset, 0) AS connections_handshake_reset,
    if(reporter = 'server', connections_half_open, 0) AS connections_half_open,
    if(reporter = 'server', listen_overflows, 0) AS listen_overflows,
    if(counts, if(reporter = 'client', resets_sent, resets_received), 0) AS resets_to_server,
    if(counts, if(reporter = 'client', resets_received, resets_sent), 0) AS resets_to_client,
    if(counts, if(reporter = 'client', zero_windows_sent, zero_windows_received), 0)
        AS zero_windows_to_server,
    if(counts, if(reporter = 'client', zero_windows_received, zero_windows_sent), 0)
        AS zero_windows_to_client,
    if(reporter = 'client', retransmitted_segments, 0) AS retransmitted_segments_to_server,
    if(reporter = 'server', retransmitted_segments, 0) AS retransmitted_segments_to_client,
    if(reporter = 'client', retransmitted_bytes, 0) AS retransmitted_bytes_to_server,
    if(reporter = 'server', retransmitted_bytes, 0) AS retransmitted_bytes_to_client,
    if(reporter = 'client', retransmission_timeouts, 0) AS retransmission_timeouts_to_server,
    if(reporter = 'server', retransmission_timeouts, 0) AS retransmission_timeouts_to_client,
    if(reporter = 'client', retransmitted_syns, 0) AS retransmitted_syns_to_server,
    if(reporter = 'server', retransmitted_syns, 0) AS retransmitted_syns_to_client,
    if(reporter = 'server', out_of_order_segments, 0) AS out_of_order_segments_to_server,
    if(reporter = 'client', out_of_order_segments, 0) AS out_of_order_segments_to_client,
    if(reporter = 'server', datagram_errors, 0) AS datagram_errors_to_server,
    if(reporter = 'client', datagram_errors, 0) AS datagram_errors_to_client,
    if(reporter = 'client', dropped_packets, 0) AS client_dropped_packets,
    if(reporter = 'client', drop_reasons, map()) AS client_drop_reasons,
    if(reporter = 'server', dropped_packets, 0) AS server_dropped_packets,
    if(reporter = 'server', drop_reasons, map()) AS server_drop_reasons,
    connect_latency_count, connect_latency_sum, connect_latency_min, connect_latency_max,
    connect_latency_histogram,
    if(reporter = 'client', rtt_count, 0) AS client_rtt_count,
    if(reporter = 'client', rtt_sum, 0) AS client_rtt_sum,
    if(reporter = 'client', rtt_min, NULL) AS client_rtt_min,
    if(reporter = 'client', rtt_max, NULL) AS client_rtt_max,
    if(reporter = 'client', rtt_histogram, map()) AS client_rtt_histogram,
    if(reporter = 'server', rtt_count, 0) AS server_rtt_count,
    if(reporter = 'server', rtt_sum, 0) AS server_rtt_sum,
    if(reporter = 'server', rtt_min, NULL) AS server_rtt_min,
    if(reporter = 'server', rtt_max, NULL) AS server_rtt_max,
    if(reporter = 'server', rtt_histogram, map()) AS server_rtt_histogram,
    cost_usd + if(
        (
            cityHash64(cluster, if(reporter = 'client', server_node, client_node)),
            toStartOfHour(window)
        ) NOT IN (SELECT cityHash64(cluster, node), hour FROM agents WHERE hour >= toStartOfHour({since:DateTime})),
        cost_far_usd, toDecimal128(0, 12)
    ) AS cost_usd,
    if(counts, unpriced_bytes, 0) AS unpriced_bytes
FROM merge(currentDatabase(), '^flows_(10s|1m|1h)$');

CREATE OR REPLACE VIEW reports AS
SELECT * FROM reports_since(since = toDateTime(0));

CREATE OR REPLACE VIEW conversations AS
SELECT * EXCEPT (rollup, counts) FROM reports_since(since = now() - INTERVAL 31 DAY) WHERE rollup = 'flows_1m';

-- The finest level has no rows of workloads, for so short a time has few: it is the rule once more, read from
-- the one table, which takes half as long to plan.
CREATE OR REPLACE VIEW edges_10s AS
WITH
    reporter = 'client'
        OR (cityHash64(cluster, client_node), toStartOfHour(window))
            NOT IN (SELECT cityHash64(cluster, node), hour FROM agents WHERE hour >= now() - INTERVAL 4 DAY)
        AS counts
SELECT
    window, cluster, protocol, server_port, client_kind, client_namespace, client_workload,
    client_workload_kind, client_zone, client_region, client_service, client_zone_id,
    client_dns_name, server_kind, server_namespace, server_workload, server_workload_kind,
    server_zone, server_region, server_service, server_zone_id, server_dns_name, path, path_behind,
    gateway,
    if(counts, bytes_to_server, 0) AS bytes_to_server,
    if(counts, bytes_to_client, 0) AS bytes_to_client,
    if(counts, packets_to_server, 0) AS packets_to_server,
    if(counts, packets_to_client, 0) AS packets_to_client,
    if(counts, connections_attempted, 0) AS connections_attempted,
    if(counts, connections_established, 0) AS connections_established,
    if(counts, connections_closed, 0) AS connections_closed,
    if(counts, connections_refused, 0) AS connections_refused,
    if(counts, connections_timed_out, 0) AS connections_timed_out,
    if(counts, connections_reset, 0) AS connections_reset,
    if(counts, connections_unreachable, 0) AS connections_unreachable,
    if(reporter = 'server', connections_handshake_reset, 0) AS connections_handshake_reset,
    if(reporter = 'server', connections_half_open, 0) AS connections_half_open,
    if(reporter = 'server', listen_overflows, 0) AS listen_overflows,
    if(counts, if(reporter = 'client', resets_sent, resets_received), 0) AS resets_to_server,
    if(counts, if(reporter = 'client', resets_received, resets_sent), 0) AS resets_to_client,
    if(counts, if(reporter = 'client', zero_windows_sent, zero_windows_received), 0)
        AS zero_windows_to_server,
    if(counts, if(reporter = 'client', zero_windows_received, zero_windows_sent), 0)
        AS zero_windows_to_client,
    if(reporter = 'client', retransmitted_segments, 0) AS retransmitted_segments_to_server,
    if(reporter = 'server', retransmitted_segments, 0) AS retransmitted_segments_to_client,
    if(reporter = 'client', retransmitted_bytes, 0) AS retransmitted_bytes_to_server,
    if(reporter = 'server', retransmitted_bytes, 0) AS retransmitted_bytes_to_client,
    if(reporter = 'client', retransmission_timeouts, 0) AS retransmission_timeouts_to_server,
    if(reporter = 'server', retransmission_timeouts, 0) AS retransmission_timeouts_to_client,
    if(reporter = 'client', retransmitted_syns, 0) AS retransmitted_syns_to_server,
    if(reporter = 'server', retransmitted_syns, 0) AS retransmitted_syns_to_client,
    if(reporter = 'server', out_of_order_segments, 0) AS out_of_order_segments_to_server,
    if(reporter = 'client', out_of_order_segments, 0) AS out_of_order_segments_to_client,
    if(reporter = 'server', datagram_errors, 0) AS datagram_errors_to_server,
    if(reporter = 'client', datagram_errors, 0) AS datagram_errors_to_client,
    if(reporter = 'client', dropped_packets, 0) AS client_dropped_packets,
    if(reporter = 'client', drop_reasons, map()) AS client_drop_reasons,
    if(reporter = 'server', dropped_packets, 0) AS server_dropped_packets,
    if(reporter = 'server', drop_reasons, map()) AS server_drop_reasons,
    connect_latency_count, connect_latency_sum, connect_latency_min, connect_latency_max,
    connect_latency_histogram,
    if(reporter = 'client', rtt_count, 0) AS client_rtt_count,
    if(reporter = 'client', rtt_sum, 0) AS client_rtt_sum,
    if(reporter = 'client', rtt_min, NULL) AS client_rtt_min,
    if(reporter = 'client', rtt_max, NULL) AS client_rtt_max,
    if(reporter = 'client', rtt_histogram, map()) AS client_rtt_histogram,
    if(reporter = 'server', rtt_count, 0) AS server_rtt_count,
    if(reporter = 'server', rtt_sum, 0) AS server_rtt_sum,
    if(reporter = 'server', rtt_min, NULL) AS server_rtt_min,
    if(reporter = 'server', rtt_max, NULL) AS server_rtt_max,
    if(reporter = 'server', rtt_histogram, map()) AS server_rtt_histogram,
    cost_usd + if(
        (
            cityHash64(cluster, if(reporter = 'client', server_node, client_node)),
            toStartOfHour(window)
        ) NOT IN (SELECT cityHash64(cluster, node), hour FROM agents WHERE hour >= now() - INTERVAL 4 DAY),
        cost_far_usd, toDecimal128(0, 12)
    ) AS cost_usd,
    if(counts, unpriced_bytes, 0) AS unpriced_bytes,
    client_labels, server_labels
FROM flows_10s;

CREATE OR REPLACE VIEW edges_between AS
SELECT 10 AS seconds, *
FROM edges_10s
WHERE flowatlasLevel({since:DateTime}, {until:DateTime}) = 'flows_10s'
    AND window >= flowatlasWindow({since:DateTime}, 'flows_10s') AND window < {until:DateTime}
UNION ALL
SELECT 60 AS seconds, * EXCEPT flow_rows
FROM workloads_1m
WHERE flowatlasLevel({since:DateTime}, {until:DateTime}) = 'flows_1m'
    AND window >= flowatlasWindow({since:DateTime}, 'flows_1m') AND window < {until:DateTime}
UNION ALL
SELECT 3600 AS seconds, * EXCEPT flow_rows
FROM workloads_1h
WHERE flowatlasLevel({since:DateTime}, {until:DateTime}) = 'flows_1h'
    AND window >= flowatlasWindow({since:DateTime}, 'flows_1h') AND window < {until:DateTime}
UNION ALL
SELECT *
FROM still_unclaimed(since = {since:DateTime}, until = {until:DateTime})
WHERE seconds = flowatlasSeconds(flowatlasLevel({since:DateTime}, {until:DateTime}))
    AND window >= flowatlasWindow({since:DateTime}, flowatlasLevel({since:DateTime}, {until:DateTime}))
    AND window < {until:DateTime};

-- For sums: by the hour where hours lie within the range, by ten minutes before and after these, and by the
-- minute at its ends.
CREATE OR REPLACE VIEW edges_summed AS
SELECT 60 AS seconds, * EXCEPT flow_rows
FROM workloads_1m
WHERE window >= flowatlasFirst({since:DateTime}) AND window < {until:DateTime}
    AND NOT (
        window >= flowatlasInner({since:DateTime}, {until:DateTime}, 600)
        AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 600)
    )
UNION ALL
SELECT 600 AS seconds, * EXCEPT flow_rows
FROM workloads_10m
WHERE window >= flowatlasInner({since:DateTime}, {until:DateTime}, 600)
    AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 600)
    AND NOT (
        window >= flowatlasInner({since:DateTime}, {until:DateTime}, 3600)
        AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 3600)
    )
UNION ALL
SELECT 3600 AS seconds, * EXCEPT flow_rows
FROM workloads_1h
WHERE window >= flowatlasInner({since:DateTime}, {until:DateTime}, 3600)
    AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 3600)
UNION ALL
SELECT *
FROM still_unclaimed(since = {since:DateTime}, until = {until:DateTime})
WHERE seconds = 60 AND window >= flowatlasFirst({since:DateTime}) AND window < {until:DateTime}
    AND NOT (
        window >= flowatlasInner({since:DateTime}, {until:DateTime}, 3600)
        AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 3600)
    )
    OR seconds = 3600
    AND window >= flowatlasInner({since:DateTime}, {until:DateTime}, 3600)
    AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 3600);

-- Money is told by the minute and by the hour.
CREATE OR REPLACE VIEW cost_reports AS
SELECT
    rollup, window, cluster, path, path_behind,
    if(path = path_behind, toString(path), concat(toString(path), '>', toString(path_behind))) AS way,
    gateway,
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    client_kind, client_namespace, client_workload, client_zone, client_zone_id, client_region,
    server_kind, server_namespace, server_workload, server_zone, server_zone_id, server_region,
    server_service, server_dns_name, bytes_to_server, bytes_to_client, cost_usd, unpriced_bytes
FROM
(
    SELECT
        'flows_1m' AS rollup,
        window, cluster, path, path_behind, gateway, client_kind, client_namespace, client_workload,
        client_service, client_zone, client_zone_id, client_region, server_kind, server_namespace,
        server_workload, server_service, server_zone, server_zone_id, server_region, server_dns_name,
        bytes_to_server, bytes_to_client, cost_usd, unpriced_bytes
    FROM workloads_1m
    UNION ALL
    SELECT
        'flows_1h' AS rollup,
        window, cluster, path, path_behind, gateway, client_kind, client_namespace, client_workload,
        client_service, client_zone, client_zone_id, client_region, server_kind, server_namespace,
        server_workload, server_service, server_zone, server_zone_id, server_region, server_dns_name,
        bytes_to_server, bytes_to_client, cost_usd, unpriced_bytes
    FROM workloads_1h
    UNION ALL
    SELECT
        if(seconds = 60, 'flows_1m', 'flows_1h') AS rollup,
        window, cluster, path, path_behind, gateway, client_kind, client_namespace, client_workload,
        client_service, client_zone, client_zone_id, client_region, server_kind, server_namespace,
        server_workload, server_service, server_zone, server_zone_id, server_region, server_dns_name,
        bytes_to_server, bytes_to_client, cost_usd, unpriced_bytes
    FROM still_unclaimed(since = toDateTime(0), until = now() + INTERVAL 1 DAY)
);

-- What costs nothing first: to find out what could be saved of it takes four times as long as the rest.
CREATE OR REPLACE VIEW avoidable_costs AS
SELECT
    multiIf(
        path = 'cross_zone', 'cross-zone',
        path_behind = 'cross_region', 'cross-region',
        path = 'nat' AND path_behind = 'aws_public' AND upper(server_service) IN ('S3', 'DYNAMODB'),
        'gateway-endpoint',
        path = 'nat' AND path_behind = 'aws_public' AND server_kind = 'aws_service'
            AND upper(server_service) NOT IN (
                '', 'AMAZON', 'EC2', 'EC2_INSTANCE_CONNECT', 'CLOUDFRONT', 'CLOUDFRONT_ORIGIN_FACING',
                'GLOBALACCELERATOR', 'ROUTE53', 'ROUTE53_HEALTHCHECKS'
            ),
        'interface-endpoint',
        path_behind = 'internet' AND server_kind = 'internet', 'internet',
        ''
    ) AS finding,
    *
FROM cost_reports
WHERE cost_usd > 0 AND finding != '';

CREATE OR REPLACE VIEW changes AS
SELECT
    hour, multiIf(packets_before + connections_before = 0, 'new', packets + connections = 0, 'vanished', 'grown') AS change,
    cluster, protocol, server_port,
    client_kind, client_namespace, client_workload, server_kind, server_namespace, server_workload,
    server_dns_name, client, server,
    sum(told.bytes) AS bytes, sum(told.bytes_before) AS bytes_before,
    sum(told.packets) AS packets, sum(told.packets_before) AS packets_before,
    sum(told.connections) AS connections, sum(told.connections_before) AS connections_before
FROM
(
    SELECT
        window AS hour, cluster, protocol, server_port,
        client_kind, client_namespace, client_workload, server_kind, server_namespace, server_workload,
        server_dns_name,
        flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
        flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
        bytes_to_server + bytes_to_client AS bytes, toUInt64(0) AS bytes_before,
        packets_to_server + packets_to_client AS packets, toUInt64(0) AS packets_before,
        connections_attempted AS connections, toUInt64(0) AS connections_before
    FROM edges_1h
    UNION ALL
    SELECT
        window + INTERVAL 7 DAY AS hour, cluster, protocol, server_port,
        client_kind, client_namespace, client_workload, server_kind, server_namespace, server_workload,
        server_dns_name,
        flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
        flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
        toUInt64(0) AS bytes, bytes_to_server + bytes_to_client AS bytes_before,
        toUInt64(0) AS packets, packets_to_server + packets_to_client AS packets_before,
        toUInt64(0) AS connections, connections_attempted AS connections_before
    FROM edges_1h
) AS told
WHERE hour < toStartOfHour(now())
    AND (cluster, hour) IN (SELECT cluster, hour FROM agents)
    AND (cluster, hour - INTERVAL 7 DAY) IN (SELECT cluster, hour FROM agents)
GROUP BY ALL
HAVING (packets + connections = 0) != (packets_before + connections_before = 0)
    OR bytes >= 2 * bytes_before AND bytes >= bytes_before + 1048576;
