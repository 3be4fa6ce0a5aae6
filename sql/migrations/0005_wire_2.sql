-- What agents tell since wire version 2: more causes of failure, flow control, order, and the
-- kernel's drops. Rows of before have zeros and empty maps.
--
-- Materialized views are replaced rather than given another query in place: after MODIFY QUERY, and
-- until the server starts again, a deduplication token is another one for the tables behind the view
-- than before and after, and a range of offsets that is repeated then would be counted twice.

ALTER TABLE flows_10s
    ADD COLUMN IF NOT EXISTS connections_unreachable     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connections_handshake_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connections_half_open       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS listen_overflows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS retransmitted_syns          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS zero_windows_sent           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS zero_windows_received       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS out_of_order_segments       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS dropped_packets             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS datagram_errors             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS drop_reasons                SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1));

ALTER TABLE flows_1m
    ADD COLUMN IF NOT EXISTS connections_unreachable     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connections_handshake_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connections_half_open       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS listen_overflows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS retransmitted_syns          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS zero_windows_sent           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS zero_windows_received       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS out_of_order_segments       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS dropped_packets             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS datagram_errors             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS drop_reasons                SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1));

ALTER TABLE flows_1h
    ADD COLUMN IF NOT EXISTS connections_unreachable     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connections_handshake_reset SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS connections_half_open       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS listen_overflows            SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS retransmitted_syns          SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS zero_windows_sent           SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS zero_windows_received       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS out_of_order_segments       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS dropped_packets             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS datagram_errors             SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    ADD COLUMN IF NOT EXISTS drop_reasons                SimpleAggregateFunction(sumMap, Map(String, UInt64)) CODEC(ZSTD(1));

CREATE OR REPLACE MATERIALIZED VIEW flows_10s_to_1m TO flows_1m AS
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
    sumMap(rtt_histogram) AS rtt_histogram,
    sum(connections_unreachable) AS connections_unreachable,
    sum(connections_handshake_reset) AS connections_handshake_reset,
    sum(connections_half_open) AS connections_half_open,
    sum(listen_overflows) AS listen_overflows,
    sum(retransmitted_syns) AS retransmitted_syns,
    sum(zero_windows_sent) AS zero_windows_sent,
    sum(zero_windows_received) AS zero_windows_received,
    sum(out_of_order_segments) AS out_of_order_segments,
    sum(dropped_packets) AS dropped_packets,
    sum(datagram_errors) AS datagram_errors,
    sumMap(drop_reasons) AS drop_reasons
FROM flows_10s
GROUP BY ALL;

CREATE OR REPLACE MATERIALIZED VIEW flows_1m_to_1h TO flows_1h AS
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
    sumMap(rtt_histogram) AS rtt_histogram,
    sum(connections_unreachable) AS connections_unreachable,
    sum(connections_handshake_reset) AS connections_handshake_reset,
    sum(connections_half_open) AS connections_half_open,
    sum(listen_overflows) AS listen_overflows,
    sum(retransmitted_syns) AS retransmitted_syns,
    sum(zero_windows_sent) AS zero_windows_sent,
    sum(zero_windows_received) AS zero_windows_received,
    sum(out_of_order_segments) AS out_of_order_segments,
    sum(dropped_packets) AS dropped_packets,
    sum(datagram_errors) AS datagram_errors,
    sumMap(drop_reasons) AS drop_reasons
FROM flows_1m
GROUP BY ALL;

-- What an agent gave up because its spool was full: shipped, and never to come.
ALTER TABLE agent_ledger
    ADD COLUMN IF NOT EXISTS dropped_rows  UInt64 CODEC(Delta, ZSTD(1)) AFTER sampling,
    ADD COLUMN IF NOT EXISTS dropped_bytes UInt64 CODEC(Delta, ZSTD(1)) AFTER dropped_rows;

ALTER TABLE agent_totals
    ADD COLUMN IF NOT EXISTS dropped_rows  SimpleAggregateFunction(max, UInt64) AFTER sampling,
    ADD COLUMN IF NOT EXISTS dropped_bytes SimpleAggregateFunction(max, UInt64) AFTER dropped_rows;

CREATE OR REPLACE MATERIALIZED VIEW agent_ledger_to_totals TO agent_totals AS
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
    max(dropped_rows) AS dropped_rows,
    max(dropped_bytes) AS dropped_bytes,
    sum(stream_rows) AS stream_rows,
    sum(stream_bytes) AS stream_bytes
FROM agent_ledger
GROUP BY cluster, node, agent;

-- The rule of migration 0004 for the new measures. What both ends see alike comes from the report
-- that counts: attempts that ended in an ICMP error, and zero windows, apart by who closed its window
-- (`to_server`: the client did, and told the server). What one end alone sees comes from that end
-- whichever report counts: handshakes that never became a connection from the server, SYNs sent
-- again from their sender, segments out of order and datagrams not taken from their receiver, and
-- the kernel's drops from both, since each kernel drops for itself.
CREATE OR REPLACE VIEW reports AS
SELECT
    _table AS rollup,
    window, cluster, node, reporter, role_certain, protocol, server_port,
    client_kind, client_namespace, client_workload, client_workload_kind, client_pod, client_node,
    client_zone, client_region, client_service, client_method, client_address,
    server_kind, server_namespace, server_workload, server_workload_kind, server_pod, server_node,
    server_zone, server_region, server_service, server_method, server_address,
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
    if(reporter = 'server', rtt_histogram, map()) AS server_rtt_histogram
FROM merge(currentDatabase(), '^flows_(10s|1m|1h)$');

CREATE OR REPLACE VIEW conversations AS
SELECT * EXCEPT (rollup, counts) FROM reports WHERE rollup = 'flows_1m';

CREATE OR REPLACE VIEW workload_reports AS
SELECT
    rollup, window, cluster, protocol, server_port,
    client_kind, client_namespace, client_workload, client_workload_kind, client_zone,
    client_region, client_service,
    server_kind, server_namespace, server_workload, server_workload_kind, server_zone,
    server_region, server_service,
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
    sumMap(server_rtt_histogram) AS server_rtt_histogram
FROM reports
GROUP BY ALL;

CREATE OR REPLACE VIEW edges AS
SELECT * EXCEPT rollup FROM workload_reports WHERE rollup = 'flows_1m';

CREATE OR REPLACE VIEW edges_1h AS
SELECT * EXCEPT rollup FROM workload_reports WHERE rollup = 'flows_1h';

-- `accounted`: whatever is not in the tables is in a counter of losses.
CREATE OR REPLACE VIEW coverage AS
WITH
    by_agent AS (
        SELECT
            cluster, node, agent,
            max(last_seen) AS last_seen,
            max(last_sequence) + 1 AS batches_sent,
            sum(batches) AS batches_received,
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
FROM by_node
FULL OUTER JOIN tables USING (cluster, node);
