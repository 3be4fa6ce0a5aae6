-- A level of workloads, in which both reports of a conversation are one row and pods and nodes are none:
-- of an hour's rows by the minute a fourth is left, and what people open first reads these.
--
-- The rule by which two reports become one asks whether the node at the other end has an agent in that
-- hour. That is not known when a row is inserted, and to keep the node would undo the gain. So rows of
-- workloads hold what counts whatever becomes known later (sql/workloads.py says what that is), and
-- `unclaimed_between` has the rest: what the one end said of a conversation whose other end's node has no
-- agent. Where all nodes have one, which `silent_nodes` tells by two small tables, it reads nothing.

DROP TABLE IF EXISTS workloads_1m;

CREATE TABLE IF NOT EXISTS workloads_1m
(
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
    connections_handshake_reset       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_half_open             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    listen_overflows                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_to_server                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_to_client                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    zero_windows_to_server            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    zero_windows_to_client            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_segments_to_server  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_segments_to_client  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_bytes_to_server     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_bytes_to_client     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmission_timeouts_to_server SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmission_timeouts_to_client SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_syns_to_server      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_syns_to_client      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    out_of_order_segments_to_server   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    out_of_order_segments_to_client   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    datagram_errors_to_server         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    datagram_errors_to_client         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_dropped_packets            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_drop_reasons               SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1)),
    server_dropped_packets            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    server_drop_reasons               SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1)),
    connect_latency_count             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_sum               SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_min               SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    connect_latency_max               SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    connect_latency_histogram         SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1)),
    client_rtt_count                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_rtt_sum                    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_rtt_min                    SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    client_rtt_max                    SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    client_rtt_histogram              SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1)),
    server_rtt_count                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    server_rtt_sum                    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    server_rtt_min                    SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    server_rtt_max                    SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    server_rtt_histogram              SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1)),
    cost_usd                          SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    unpriced_bytes                    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    client_labels                     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    server_labels                     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(window)
PRIMARY KEY (cluster, window, client_namespace, client_workload, server_namespace, server_workload)
ORDER BY (
    cluster, window, client_namespace, client_workload, server_namespace, server_workload, protocol,
    server_port, client_kind, client_workload_kind, client_zone, client_region, client_service,
    client_zone_id, client_dns_name, server_kind, server_workload_kind, server_zone, server_region,
    server_service, server_zone_id, server_dns_name, path, path_behind, gateway
)
TTL window + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'Both reports of a conversation as one, without pods and nodes, by the minute: see unclaimed_between';

DROP TABLE IF EXISTS workloads_10m;

CREATE TABLE IF NOT EXISTS workloads_10m AS workloads_1m
ENGINE = AggregatingMergeTree
PARTITION BY toDate(window)
PRIMARY KEY (cluster, window, client_namespace, client_workload, server_namespace, server_workload)
ORDER BY (
    cluster, window, client_namespace, client_workload, server_namespace, server_workload, protocol,
    server_port, client_kind, client_workload_kind, client_zone, client_region, client_service,
    client_zone_id, client_dns_name, server_kind, server_workload_kind, server_zone, server_region,
    server_service, server_zone_id, server_dns_name, path, path_behind, gateway
)
TTL window + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'workloads_1m by ten minutes';

DROP TABLE IF EXISTS workloads_1h;

CREATE TABLE IF NOT EXISTS workloads_1h AS workloads_1m
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window)
PRIMARY KEY (cluster, window, client_namespace, client_workload, server_namespace, server_workload)
ORDER BY (
    cluster, window, client_namespace, client_workload, server_namespace, server_workload, protocol,
    server_port, client_kind, client_workload_kind, client_zone, client_region, client_service,
    client_zone_id, client_dns_name, server_kind, server_workload_kind, server_zone, server_region,
    server_service, server_zone_id, server_dns_name, path, path_behind, gateway
)
TTL window + INTERVAL 13 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'workloads_1m by the hour';

-- Filled once by what is kept, and by the stream from then on.
CREATE OR REPLACE VIEW claimed_reports AS
SELECT
    _table AS rollup,
    window, cluster, protocol, server_port, client_kind, client_namespace, client_workload,
    client_workload_kind, client_zone, client_region, client_service, client_zone_id,
    client_dns_name, server_kind, server_namespace, server_workload, server_workload_kind,
    server_zone, server_region, server_service, server_zone_id, server_dns_name, path, path_behind,
    gateway,
    if(reporter = 'client', server_node, client_node) = '' AS alone,
    reporter = 'client' OR alone AS claimed,
    flow_rows,
    if(claimed, bytes_to_server, 0) AS bytes_to_server,
    if(claimed, bytes_to_client, 0) AS bytes_to_client,
    if(claimed, packets_to_server, 0) AS packets_to_server,
    if(claimed, packets_to_client, 0) AS packets_to_client,
    if(claimed, connections_attempted, 0) AS connections_attempted,
    if(claimed, connections_established, 0) AS connections_established,
    if(claimed, connections_closed, 0) AS connections_closed,
    if(claimed, connections_refused, 0) AS connections_refused,
    if(claimed, connections_timed_out, 0) AS connections_timed_out,
    if(claimed, connections_reset, 0) AS connections_reset,
    if(claimed, connections_unreachable, 0) AS connections_unreachable,
    if(reporter = 'server', connections_handshake_reset, 0) AS connections_handshake_reset,
    if(reporter = 'server', connections_half_open, 0) AS connections_half_open,
    if(reporter = 'server', listen_overflows, 0) AS listen_overflows,
    if(reporter = 'client', resets_sent, if(alone, resets_received, 0)) AS resets_to_server,
    if(reporter = 'client', resets_received, if(alone, resets_sent, 0)) AS resets_to_client,
    if(reporter = 'client', zero_windows_sent, if(alone, zero_windows_received, 0)) AS zero_windows_to_server,
    if(reporter = 'client', zero_windows_received, if(alone, zero_windows_sent, 0)) AS zero_windows_to_client,
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
    connect_latency_count,
    connect_latency_sum,
    connect_latency_min,
    connect_latency_max,
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
    cost_usd + if(alone, cost_far_usd, toDecimal128(0, 12)) AS cost_usd,
    if(claimed, unpriced_bytes, 0) AS unpriced_bytes,
    client_labels, server_labels
FROM merge(currentDatabase(), '^flows_(1m|1h)$');

INSERT INTO workloads_1m SELECT * EXCEPT (rollup, alone, claimed) FROM claimed_reports WHERE rollup = 'flows_1m';

INSERT INTO workloads_10m SELECT * REPLACE (toStartOfTenMinutes(by_minute.window) AS window) FROM workloads_1m AS by_minute;

INSERT INTO workloads_1h SELECT * EXCEPT (rollup, alone, claimed) FROM claimed_reports WHERE rollup = 'flows_1h';

DROP VIEW IF EXISTS claimed_reports;

-- Every node that is named as an end's, by the hour; agents has those whose own agent told. Both are filled
-- by flows_1h, which has the fewest rows of nodes.
DROP VIEW IF EXISTS flows_1h_to_named_nodes;

DROP TABLE IF EXISTS named_nodes;

CREATE TABLE IF NOT EXISTS named_nodes AS agents
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (cluster, hour, node)
TTL hour + INTERVAL 13 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Nodes that an end was on in that hour; may hold duplicates until merged';

INSERT INTO named_nodes
SELECT DISTINCT cluster, arrayJoin([client_node, server_node]) AS node, window AS hour FROM flows_1h WHERE node != '';

DROP VIEW IF EXISTS flows_10s_to_agents;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1h_to_agents TO agents AS
SELECT DISTINCT cluster, node, window AS hour FROM flows_1h;

CREATE MATERIALIZED VIEW IF NOT EXISTS flows_1h_to_named_nodes TO named_nodes AS
SELECT DISTINCT cluster, arrayJoin([client_node, server_node]) AS node, window AS hour FROM flows_1h WHERE node != '';

CREATE OR REPLACE VIEW silent_nodes_between AS
SELECT DISTINCT cluster, node, hour
FROM named_nodes
WHERE hour >= toStartOfHour({since:DateTime}) AND hour < {until:DateTime}
    AND (cluster, node, hour)
        NOT IN (SELECT cluster, node, hour FROM agents WHERE hour >= toStartOfHour({since:DateTime}) AND hour < {until:DateTime});

CREATE OR REPLACE VIEW unclaimed_between AS
SELECT
    _table AS rollup,
    window, cluster, protocol, server_port, client_kind, client_namespace, client_workload,
    client_workload_kind, client_zone, client_region, client_service, client_zone_id,
    client_dns_name, server_kind, server_namespace, server_workload, server_workload_kind,
    server_zone, server_region, server_service, server_zone_id, server_dns_name, path, path_behind,
    gateway,
    if(reporter = 'server', bytes_to_server, 0)::SimpleAggregateFunction(sum, UInt64) AS bytes_to_server,
    if(reporter = 'server', bytes_to_client, 0)::SimpleAggregateFunction(sum, UInt64) AS bytes_to_client,
    if(reporter = 'server', packets_to_server, 0)::SimpleAggregateFunction(sum, UInt64) AS packets_to_server,
    if(reporter = 'server', packets_to_client, 0)::SimpleAggregateFunction(sum, UInt64) AS packets_to_client,
    if(reporter = 'server', connections_attempted, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_attempted,
    if(reporter = 'server', connections_established, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_established,
    if(reporter = 'server', connections_closed, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_closed,
    if(reporter = 'server', connections_refused, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_refused,
    if(reporter = 'server', connections_timed_out, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_timed_out,
    if(reporter = 'server', connections_reset, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_reset,
    if(reporter = 'server', connections_unreachable, 0)::SimpleAggregateFunction(sum, UInt64) AS connections_unreachable,
    0::SimpleAggregateFunction(sum, UInt64) AS connections_handshake_reset,
    0::SimpleAggregateFunction(sum, UInt64) AS connections_half_open,
    0::SimpleAggregateFunction(sum, UInt64) AS listen_overflows,
    if(reporter = 'server', resets_received, 0)::SimpleAggregateFunction(sum, UInt64) AS resets_to_server,
    if(reporter = 'server', resets_sent, 0)::SimpleAggregateFunction(sum, UInt64) AS resets_to_client,
    if(reporter = 'server', zero_windows_received, 0)::SimpleAggregateFunction(sum, UInt64) AS zero_windows_to_server,
    if(reporter = 'server', zero_windows_sent, 0)::SimpleAggregateFunction(sum, UInt64) AS zero_windows_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmitted_segments_to_server,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmitted_segments_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmitted_bytes_to_server,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmitted_bytes_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmission_timeouts_to_server,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmission_timeouts_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmitted_syns_to_server,
    0::SimpleAggregateFunction(sum, UInt64) AS retransmitted_syns_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS out_of_order_segments_to_server,
    0::SimpleAggregateFunction(sum, UInt64) AS out_of_order_segments_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS datagram_errors_to_server,
    0::SimpleAggregateFunction(sum, UInt64) AS datagram_errors_to_client,
    0::SimpleAggregateFunction(sum, UInt64) AS client_dropped_packets,
    map()::SimpleAggregateFunction(sumMap, Map(String, UInt64)) AS client_drop_reasons,
    0::SimpleAggregateFunction(sum, UInt64) AS server_dropped_packets,
    map()::SimpleAggregateFunction(sumMap, Map(String, UInt64)) AS server_drop_reasons,
    0::SimpleAggregateFunction(sum, UInt64) AS connect_latency_count,
    0::SimpleAggregateFunction(sum, UInt64) AS connect_latency_sum,
    NULL::SimpleAggregateFunction(min, Nullable(UInt32)) AS connect_latency_min,
    NULL::SimpleAggregateFunction(max, Nullable(UInt32)) AS connect_latency_max,
    map()::SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) AS connect_latency_histogram,
    0::SimpleAggregateFunction(sum, UInt64) AS client_rtt_count,
    0::SimpleAggregateFunction(sum, UInt64) AS client_rtt_sum,
    NULL::SimpleAggregateFunction(min, Nullable(UInt32)) AS client_rtt_min,
    NULL::SimpleAggregateFunction(max, Nullable(UInt32)) AS client_rtt_max,
    map()::SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) AS client_rtt_histogram,
    0::SimpleAggregateFunction(sum, UInt64) AS server_rtt_count,
    0::SimpleAggregateFunction(sum, UInt64) AS server_rtt_sum,
    NULL::SimpleAggregateFunction(min, Nullable(UInt32)) AS server_rtt_min,
    NULL::SimpleAggregateFunction(max, Nullable(UInt32)) AS server_rtt_max,
    map()::SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) AS server_rtt_histogram,
    cost_far_usd AS cost_usd,
    if(reporter = 'server', unpriced_bytes, 0)::SimpleAggregateFunction(sum, UInt64) AS unpriced_bytes,
    client_labels, server_labels
FROM merge(currentDatabase(), '^flows_(1m|1h)$')
WHERE (SELECT count() FROM silent_nodes_between(since = {since:DateTime}, until = {until:DateTime})) > 0
    AND (reporter = 'server' OR cost_far_usd != 0)
    AND (cityHash64(cluster, if(reporter = 'client', server_node, client_node)), toStartOfHour(window))
        IN (SELECT cityHash64(cluster, node), hour FROM silent_nodes_between(since = {since:DateTime}, until = {until:DateTime}));

-- `edges` has every minute that is kept, `edges_1h` every hour.
CREATE OR REPLACE VIEW edges AS
SELECT * EXCEPT flow_rows FROM workloads_1m
UNION ALL
SELECT * EXCEPT rollup
FROM unclaimed_between(since = now() - INTERVAL 31 DAY, until = now() + INTERVAL 1 DAY)
WHERE rollup = 'flows_1m';

CREATE OR REPLACE VIEW edges_1h AS
SELECT * EXCEPT flow_rows FROM workloads_1h
UNION ALL
SELECT * EXCEPT rollup
FROM unclaimed_between(since = toDateTime(0), until = now() + INTERVAL 1 DAY)
WHERE rollup = 'flows_1h';

CREATE OR REPLACE VIEW edges_1h_since AS
SELECT * EXCEPT flow_rows FROM workloads_1h WHERE window >= toStartOfHour({since:DateTime})
UNION ALL
SELECT * EXCEPT rollup
FROM unclaimed_between(since = {since:DateTime}, until = now() + INTERVAL 1 DAY)
WHERE rollup = 'flows_1h' AND window >= toStartOfHour({since:DateTime});

-- The finest level has no rows of workloads: so short a time has few rows.
CREATE OR REPLACE VIEW edges_10s AS
SELECT
    window, cluster, protocol, server_port, client_kind, client_namespace, client_workload,
    client_workload_kind, client_zone, client_region, client_service, client_zone_id,
    client_dns_name, server_kind, server_namespace, server_workload, server_workload_kind,
    server_zone, server_region, server_service, server_zone_id, server_dns_name, path, path_behind,
    gateway, bytes_to_server, bytes_to_client, packets_to_server, packets_to_client,
    connections_attempted, connections_established, connections_closed, connections_refused,
    connections_timed_out, connections_reset, connections_unreachable, connections_handshake_reset,
    connections_half_open, listen_overflows, resets_to_server, resets_to_client,
    zero_windows_to_server, zero_windows_to_client, retransmitted_segments_to_server,
    retransmitted_segments_to_client, retransmitted_bytes_to_server, retransmitted_bytes_to_client,
    retransmission_timeouts_to_server, retransmission_timeouts_to_client,
    retransmitted_syns_to_server, retransmitted_syns_to_client, out_of_order_segments_to_server,
    out_of_order_segments_to_client, datagram_errors_to_server, datagram_errors_to_client,
    client_dropped_packets, client_drop_reasons, server_dropped_packets, server_drop_reasons,
    connect_latency_count, connect_latency_sum, connect_latency_min, connect_latency_max,
    connect_latency_histogram, client_rtt_count, client_rtt_sum, client_rtt_min, client_rtt_max,
    client_rtt_histogram, server_rtt_count, server_rtt_sum, server_rtt_min, server_rtt_max,
    server_rtt_histogram, cost_usd, unpriced_bytes, client_labels, server_labels
FROM reports
WHERE rollup = 'flows_10s';

CREATE OR REPLACE VIEW workload_reports AS
SELECT 'flows_10s' AS rollup, * FROM edges_10s
UNION ALL
SELECT 'flows_1m' AS rollup, * FROM edges
UNION ALL
SELECT 'flows_1h' AS rollup, * FROM edges_1h;

CREATE OR REPLACE VIEW edges_between AS
SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT rollup
FROM
(
    SELECT 'flows_10s' AS rollup, * FROM edges_10s
    UNION ALL
    SELECT 'flows_1m' AS rollup, * EXCEPT flow_rows FROM workloads_1m
    UNION ALL
    SELECT 'flows_1h' AS rollup, * EXCEPT flow_rows FROM workloads_1h
    UNION ALL
    SELECT * FROM unclaimed_between(since = {since:DateTime}, until = {until:DateTime})
)
WHERE rollup = flowatlasLevel({since:DateTime}, {until:DateTime})
    AND window >= flowatlasWindow({since:DateTime}, flowatlasLevel({since:DateTime}, {until:DateTime}))
    AND window < {until:DateTime};

-- Minutes are kept for 30 days; what began before is all told by the hour.
CREATE FUNCTION IF NOT EXISTS flowatlasFirst AS since -> toDateTime(
    if(since < now() - INTERVAL 29 DAY, toStartOfHour(since), toStartOfMinute(since)), 'UTC'
);

-- Where the whole windows of so many seconds begin in a range, and where they end; they may be none.
CREATE FUNCTION IF NOT EXISTS flowatlasInner AS (since, until, seconds) -> toDateTime(
    if(
        since < now() - INTERVAL 29 DAY, toUnixTimestamp(toStartOfHour(since)),
        least(intDiv(toUnixTimestamp(since) + seconds - 1, seconds) * seconds, toUnixTimestamp(until))
    ), 'UTC'
);

CREATE FUNCTION IF NOT EXISTS flowatlasInnerEnd AS (since, until, seconds) -> toDateTime(
    if(
        since < now() - INTERVAL 29 DAY, toUnixTimestamp(until),
        greatest(
            intDiv(toUnixTimestamp(until), seconds) * seconds,
            least(intDiv(toUnixTimestamp(since) + seconds - 1, seconds) * seconds, toUnixTimestamp(until))
        )
    ), 'UTC'
);

-- For sums: the same edges in as few rows as there can be, by the hour where hours lie within the range, by
-- ten minutes before and after these, and by the minute at its ends. So it is exact to the minute, of a week
-- too.
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
SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT rollup
FROM unclaimed_between(since = {since:DateTime}, until = {until:DateTime})
WHERE window >= flowatlasFirst({since:DateTime}) AND window < {until:DateTime}
    AND rollup = if(
        window >= flowatlasInner({since:DateTime}, {until:DateTime}, 3600)
        AND window < flowatlasInnerEnd({since:DateTime}, {until:DateTime}, 3600),
        'flows_1h', 'flows_1m'
    );

CREATE OR REPLACE VIEW cluster_flows_summed AS
SELECT *
FROM edges_summed(since = {since:DateTime}, until = {until:DateTime})
WHERE flowatlasView(client_kind, server_kind) = 'cluster';

CREATE OR REPLACE VIEW aws_service_flows_summed AS
SELECT
    if(server_kind = 'aws_service', server_service, client_service) AS aws_service,
    if(server_kind = 'aws_service', server_region, client_region) AS aws_region,
    *
FROM edges_summed(since = {since:DateTime}, until = {until:DateTime})
WHERE flowatlasView(client_kind, server_kind) = 'aws_service';

CREATE OR REPLACE VIEW external_flows_summed AS
SELECT
    if(client_kind IN ('pod', 'node', 'service'), 'out', 'in') AS direction,
    if(direction = 'out', server_kind, client_kind) AS remote_kind,
    if(direction = 'out', server_dns_name, client_dns_name) AS remote_name,
    *
FROM edges_summed(since = {since:DateTime}, until = {until:DateTime})
WHERE flowatlasView(client_kind, server_kind) = 'external';

CREATE OR REPLACE VIEW edges_ever AS
SELECT 60 AS seconds, *
FROM edges
WHERE window >= toStartOfHour(now() - INTERVAL 1 DAY)
UNION ALL
SELECT 3600 AS seconds, *
FROM edges_1h
WHERE window < toStartOfHour(now() - INTERVAL 1 DAY);

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
FROM workload_reports;

CREATE OR REPLACE VIEW costs AS
SELECT
    toDate(window) AS day, * EXCEPT (rollup, bytes_to_server, bytes_to_client, cost_usd, unpriced_bytes),
    sum(told.bytes_to_server) AS bytes_to_server,
    sum(told.bytes_to_client) AS bytes_to_client,
    sum(told.cost_usd) AS cost_usd,
    sum(told.unpriced_bytes) AS unpriced_bytes
FROM cost_reports AS told
WHERE rollup = 'flows_1h'
GROUP BY ALL;

-- The same for pods and hosts: whom an end had to do with makes most of the rows, and its health does not ask.
DROP TABLE IF EXISTS ends_1m;

CREATE TABLE IF NOT EXISTS ends_1m
(
    window                      DateTime('UTC') CODEC(Delta, ZSTD(1)),
    cluster                     LowCardinality(String) CODEC(ZSTD(1)),
    node                        LowCardinality(String) CODEC(ZSTD(1)),
    kind                        LowCardinality(String) CODEC(ZSTD(1)),
    namespace                   LowCardinality(String) CODEC(ZSTD(1)),
    workload                    LowCardinality(String) CODEC(ZSTD(1)),
    workload_kind               LowCardinality(String) CODEC(ZSTD(1)),
    pod                         LowCardinality(String) CODEC(ZSTD(1)),
    zone                        LowCardinality(String) CODEC(ZSTD(1)),
    region                      LowCardinality(String) CODEC(ZSTD(1)),
    flow_rows                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_sent                  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    bytes_received              SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_sent                SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    packets_received            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_attempted       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_opened          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_accepted        SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_refused         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_timed_out       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_reset           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_unreachable     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_handshake_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connections_half_open       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    listen_overflows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_segments      SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_bytes         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmission_timeouts     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    retransmitted_syns          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_sent                 SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    resets_received             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    zero_windows_sent           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    zero_windows_received       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    out_of_order_segments       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    datagram_errors             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    dropped_packets             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    drop_reasons                SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1)),
    connect_latency_count       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_sum         SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    connect_latency_min         SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    connect_latency_max         SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    connect_latency_histogram   SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1)),
    rtt_count                   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rtt_sum                     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    rtt_min                     SimpleAggregateFunction(min, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    rtt_max                     SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(T64, ZSTD(1)),
    rtt_histogram               SimpleAggregateFunction(sumMap, Map(UInt8, UInt64)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(window)
PRIMARY KEY (cluster, window, node)
ORDER BY (cluster, window, node, namespace, workload, pod, kind, workload_kind, zone, region)
TTL window + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'What each pod or host sent, received and met with, by its own node, by the minute';

DROP TABLE IF EXISTS ends_1h;

CREATE TABLE IF NOT EXISTS ends_1h AS ends_1m
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(window)
PRIMARY KEY (cluster, window, node)
ORDER BY (cluster, window, node, namespace, workload, pod, kind, workload_kind, zone, region)
TTL window + INTERVAL 13 MONTH DELETE
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    min_bytes_for_wide_part = 100000000, merge_selector_base = 16
COMMENT 'ends_1m by the hour';

CREATE OR REPLACE VIEW own_reports AS
SELECT
    _table AS rollup, window, cluster, node,
    if(reporter = 'client', client_kind, server_kind) AS kind,
    if(reporter = 'client', client_namespace, server_namespace) AS namespace,
    if(reporter = 'client', client_workload, server_workload) AS workload,
    if(reporter = 'client', client_workload_kind, server_workload_kind) AS workload_kind,
    if(reporter = 'client', client_pod, server_pod) AS pod,
    if(reporter = 'client', client_zone, server_zone) AS zone,
    if(reporter = 'client', client_region, server_region) AS region,
    flow_rows,
    if(reporter = 'client', bytes_to_server, bytes_to_client) AS bytes_sent,
    if(reporter = 'client', bytes_to_client, bytes_to_server) AS bytes_received,
    if(reporter = 'client', packets_to_server, packets_to_client) AS packets_sent,
    if(reporter = 'client', packets_to_client, packets_to_server) AS packets_received,
    if(reporter = 'client', connections_attempted, 0) AS connections_attempted,
    if(reporter = 'client', connections_established, 0) AS connections_opened,
    if(reporter = 'server', connections_established, 0) AS connections_accepted,
    if(reporter = 'client', connections_refused, 0) AS connections_refused,
    if(reporter = 'client', connections_timed_out, 0) AS connections_timed_out,
    connections_reset,
    connections_unreachable,
    connections_handshake_reset,
    connections_half_open,
    listen_overflows,
    retransmitted_segments,
    retransmitted_bytes,
    retransmission_timeouts,
    retransmitted_syns,
    resets_sent,
    resets_received,
    zero_windows_sent,
    zero_windows_received,
    out_of_order_segments,
    datagram_errors,
    dropped_packets,
    drop_reasons,
    connect_latency_count,
    connect_latency_sum,
    connect_latency_min,
    connect_latency_max,
    connect_latency_histogram,
    rtt_count,
    rtt_sum,
    rtt_min,
    rtt_max,
    rtt_histogram
FROM merge(currentDatabase(), '^flows_(10s|1m|1h)$');

INSERT INTO ends_1m SELECT * EXCEPT rollup FROM own_reports WHERE rollup = 'flows_1m';

INSERT INTO ends_1h SELECT * REPLACE (toStartOfHour(by_minute.window) AS window) FROM ends_1m AS by_minute;

-- Hours without minutes any more have no pods.
INSERT INTO ends_1h
SELECT * EXCEPT rollup
FROM own_reports
WHERE rollup = 'flows_1h'
    AND (window < (SELECT toStartOfHour(min(window)) FROM ends_1m) OR (SELECT count() FROM ends_1m) = 0);

CREATE OR REPLACE VIEW end_reports AS
SELECT * EXCEPT flow_rows FROM own_reports WHERE rollup = 'flows_10s'
UNION ALL
SELECT 'flows_1m' AS rollup, * EXCEPT flow_rows FROM ends_1m
UNION ALL
SELECT 'flows_1h' AS rollup, * EXCEPT flow_rows FROM ends_1h;

CREATE OR REPLACE VIEW node_health AS
SELECT 60 AS seconds, * EXCEPT (pod, flow_rows)
FROM ends_1m
WHERE window >= toStartOfHour(now() - INTERVAL 1 DAY)
UNION ALL
SELECT 3600 AS seconds, * EXCEPT (pod, flow_rows)
FROM ends_1h
WHERE window < toStartOfHour(now() - INTERVAL 1 DAY);

-- Hours have pods since then.
CREATE OR REPLACE VIEW pod_health AS
SELECT 60 AS seconds, * EXCEPT (kind, flow_rows)
FROM ends_1m
WHERE kind = 'pod' AND window >= toStartOfHour(now() - INTERVAL 1 DAY)
UNION ALL
SELECT 3600 AS seconds, * EXCEPT (kind, flow_rows)
FROM ends_1h
WHERE kind = 'pod' AND window < toStartOfHour(now() - INTERVAL 1 DAY);

CREATE OR REPLACE VIEW pod_health_between AS
SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT (rollup, kind)
FROM end_reports
WHERE rollup = flowatlasLevel({since:DateTime}, {until:DateTime})
    AND kind = 'pod'
    AND window >= flowatlasWindow({since:DateTime}, flowatlasLevel({since:DateTime}, {until:DateTime}))
    AND window < {until:DateTime};
