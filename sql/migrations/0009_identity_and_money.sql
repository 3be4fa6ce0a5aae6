-- Who it was, by which path, and what it cost. Rows of before have an unknown path and no money.
--
-- Where rows are merged, the new dimensions join the sorting key; labels are a property of an end and
-- not a dimension, so those of any row stand for all. Money is in dollars to 12 digits, which sum
-- exactly in any order.

ALTER TABLE flows_10s
    ADD COLUMN IF NOT EXISTS client_zone_id    LowCardinality(String) AFTER client_method,
    ADD COLUMN IF NOT EXISTS client_confidence Enum8('none' = 0, 'low' = 1, 'medium' = 2, 'high' = 3) AFTER client_zone_id,
    ADD COLUMN IF NOT EXISTS client_dns_name   LowCardinality(String) AFTER client_confidence,
    ADD COLUMN IF NOT EXISTS server_zone_id    LowCardinality(String) AFTER server_method,
    ADD COLUMN IF NOT EXISTS server_confidence Enum8('none' = 0, 'low' = 1, 'medium' = 2, 'high' = 3) AFTER server_zone_id,
    ADD COLUMN IF NOT EXISTS server_dns_name   LowCardinality(String) AFTER server_confidence,
    ADD COLUMN IF NOT EXISTS path              Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) AFTER server_address,
    ADD COLUMN IF NOT EXISTS path_behind       Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) AFTER path,
    ADD COLUMN IF NOT EXISTS gateway           LowCardinality(String) AFTER path_behind,
    ADD COLUMN IF NOT EXISTS client_labels     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS server_labels     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost_usd          SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost_far_usd      SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS unpriced_bytes    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1));

ALTER TABLE flows_1m
    ADD COLUMN IF NOT EXISTS client_zone_id    LowCardinality(String) AFTER client_method,
    ADD COLUMN IF NOT EXISTS client_confidence Enum8('none' = 0, 'low' = 1, 'medium' = 2, 'high' = 3) AFTER client_zone_id,
    ADD COLUMN IF NOT EXISTS client_dns_name   LowCardinality(String) AFTER client_confidence,
    ADD COLUMN IF NOT EXISTS server_zone_id    LowCardinality(String) AFTER server_method,
    ADD COLUMN IF NOT EXISTS server_confidence Enum8('none' = 0, 'low' = 1, 'medium' = 2, 'high' = 3) AFTER server_zone_id,
    ADD COLUMN IF NOT EXISTS server_dns_name   LowCardinality(String) AFTER server_confidence,
    ADD COLUMN IF NOT EXISTS path              Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) AFTER server_address,
    ADD COLUMN IF NOT EXISTS path_behind       Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) AFTER path,
    ADD COLUMN IF NOT EXISTS gateway           LowCardinality(String) AFTER path_behind,
    ADD COLUMN IF NOT EXISTS client_labels     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS server_labels     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost_usd          SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost_far_usd      SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS unpriced_bytes    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    MODIFY ORDER BY (
        cluster, window, client_namespace, client_workload, server_namespace, server_workload, node,
        reporter, role_certain, protocol, server_port, client_kind, client_workload_kind,
        client_pod, client_node, client_zone, client_region, client_service, client_method,
        client_address, server_kind, server_workload_kind, server_pod, server_node, server_zone,
        server_region, server_service, server_method, server_address, client_zone_id,
        client_confidence, client_dns_name, server_zone_id, server_confidence, server_dns_name,
        path, path_behind, gateway
    );

ALTER TABLE flows_1h
    ADD COLUMN IF NOT EXISTS client_zone_id    LowCardinality(String) AFTER client_method,
    ADD COLUMN IF NOT EXISTS client_confidence Enum8('none' = 0, 'low' = 1, 'medium' = 2, 'high' = 3) AFTER client_zone_id,
    ADD COLUMN IF NOT EXISTS client_dns_name   LowCardinality(String) AFTER client_confidence,
    ADD COLUMN IF NOT EXISTS server_zone_id    LowCardinality(String) AFTER server_method,
    ADD COLUMN IF NOT EXISTS server_confidence Enum8('none' = 0, 'low' = 1, 'medium' = 2, 'high' = 3) AFTER server_zone_id,
    ADD COLUMN IF NOT EXISTS server_dns_name   LowCardinality(String) AFTER server_confidence,
    ADD COLUMN IF NOT EXISTS path              Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) AFTER server_dns_name,
    ADD COLUMN IF NOT EXISTS path_behind       Enum8('unknown' = 0, 'same_zone' = 1, 'cross_zone' = 2, 'cross_region' = 3, 'nat' = 4, 'gateway_endpoint' = 5, 'interface_endpoint' = 6, 'aws_public' = 7, 'internet' = 8, 'on_prem' = 9) AFTER path,
    ADD COLUMN IF NOT EXISTS gateway           LowCardinality(String) AFTER path_behind,
    ADD COLUMN IF NOT EXISTS client_labels     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS server_labels     SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost_usd          SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cost_far_usd      SimpleAggregateFunction(sum, Decimal(38, 12)) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS unpriced_bytes    SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    MODIFY ORDER BY (
        cluster, window, client_namespace, client_workload, server_namespace, server_workload, node,
        reporter, role_certain, protocol, server_port, client_kind, client_workload_kind,
        client_node, client_zone, client_region, client_service, client_method, server_kind,
        server_workload_kind, server_node, server_zone, server_region, server_service,
        server_method, client_zone_id, client_confidence, client_dns_name, server_zone_id,
        server_confidence, server_dns_name, path, path_behind, gateway
    );

-- The rule of before for what is not money. Money is counted from both reports, each with the charges
-- of its own end; those of the other end are added where nobody reports for that end in the hour.
-- So each charge is counted once, whoever reports; stream/price.py says why it is so.
CREATE OR REPLACE VIEW reports AS
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
        OR (cluster, client_node, toStartOfHour(window)) NOT IN (SELECT cluster, node, hour FROM agents)
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
        (cluster, if(reporter = 'client', server_node, client_node), toStartOfHour(window))
            NOT IN (SELECT cluster, node, hour FROM agents),
        cost_far_usd, toDecimal128(0, 12)
    ) AS cost_usd,
    if(counts, unpriced_bytes, 0) AS unpriced_bytes
FROM merge(currentDatabase(), '^flows_(10s|1m|1h)$');

CREATE OR REPLACE VIEW conversations AS
SELECT * EXCEPT (rollup, counts) FROM reports WHERE rollup = 'flows_1m';

CREATE OR REPLACE VIEW workload_reports AS
SELECT
    rollup, window, cluster, protocol, server_port,
    client_kind, client_namespace, client_workload, client_workload_kind, client_zone,
    client_region, client_service, client_zone_id, client_dns_name,
    server_kind, server_namespace, server_workload, server_workload_kind, server_zone,
    server_region, server_service, server_zone_id, server_dns_name,
    path, path_behind, gateway,
    anyLast(client_labels) AS client_labels,
    anyLast(server_labels) AS server_labels,
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
    sum(connections_unreachable) AS connections_unreachable,
    sum(connections_handshake_reset) AS connections_handshake_reset,
    sum(connections_half_open) AS connections_half_open,
    sum(listen_overflows) AS listen_overflows,
    sum(resets_to_server) AS resets_to_server,
    sum(resets_to_client) AS resets_to_client,
    sum(zero_windows_to_server) AS zero_windows_to_server,
    sum(zero_windows_to_client) AS zero_windows_to_client,
    sum(retransmitted_segments_to_server) AS retransmitted_segments_to_server,
    sum(retransmitted_segments_to_client) AS retransmitted_segments_to_client,
    sum(retransmitted_bytes_to_server) AS retransmitted_bytes_to_server,
    sum(retransmitted_bytes_to_client) AS retransmitted_bytes_to_client,
    sum(retransmission_timeouts_to_server) AS retransmission_timeouts_to_server,
    sum(retransmission_timeouts_to_client) AS retransmission_timeouts_to_client,
    sum(retransmitted_syns_to_server) AS retransmitted_syns_to_server,
    sum(retransmitted_syns_to_client) AS retransmitted_syns_to_client,
    sum(out_of_order_segments_to_server) AS out_of_order_segments_to_server,
    sum(out_of_order_segments_to_client) AS out_of_order_segments_to_client,
    sum(datagram_errors_to_server) AS datagram_errors_to_server,
    sum(datagram_errors_to_client) AS datagram_errors_to_client,
    sum(client_dropped_packets) AS client_dropped_packets,
    sumMap(client_drop_reasons) AS client_drop_reasons,
    sum(server_dropped_packets) AS server_dropped_packets,
    sumMap(server_drop_reasons) AS server_drop_reasons,
    sum(connect_latency_count) AS connect_latency_count,
    sum(connect_latency_sum) AS connect_latency_sum,
    min(connect_latency_min) AS connect_latency_min,
    max(connect_latency_max) AS connect_latency_max,
    sumMap(connect_latency_histogram) AS connect_latency_histogram,
    sum(client_rtt_count) AS client_rtt_count,
    sum(client_rtt_sum) AS client_rtt_sum,
    min(client_rtt_min) AS client_rtt_min,
    max(client_rtt_max) AS client_rtt_max,
    sumMap(client_rtt_histogram) AS client_rtt_histogram,
    sum(server_rtt_count) AS server_rtt_count,
    sum(server_rtt_sum) AS server_rtt_sum,
    min(server_rtt_min) AS server_rtt_min,
    max(server_rtt_max) AS server_rtt_max,
    sumMap(server_rtt_histogram) AS server_rtt_histogram,
    sum(cost_usd) AS cost_usd,
    sum(unpriced_bytes) AS unpriced_bytes
FROM reports
GROUP BY ALL;

CREATE OR REPLACE VIEW edges AS
SELECT * EXCEPT rollup FROM workload_reports WHERE rollup = 'flows_1m';

CREATE OR REPLACE VIEW edges_1h AS
SELECT * EXCEPT rollup FROM workload_reports WHERE rollup = 'flows_1h';
