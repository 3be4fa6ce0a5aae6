-- The rule by which two reports of one conversation become one, in one place: `reports`.
--
-- Both ends may report. The client's report is complete for its client, so it counts wherever the
-- client's node has an agent (in that hour, by the table agents; a client's report is itself proof).
-- The server's report counts only where nobody reports for the client: on the internet, on premises,
-- or on a node without an agent. Volumes and connections are those of the report that counts and 0
-- in the other, so any SUM is right. What only the sender of a segment knows (retransmissions,
-- timeouts) and what each end measures for itself (RTT) is kept from both, apart by direction.

CREATE VIEW IF NOT EXISTS reports AS
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
    if(counts, if(reporter = 'client', resets_sent, resets_received), 0) AS resets_to_server,
    if(counts, if(reporter = 'client', resets_received, resets_sent), 0) AS resets_to_client,
    if(reporter = 'client', retransmitted_segments, 0) AS retransmitted_segments_to_server,
    if(reporter = 'server', retransmitted_segments, 0) AS retransmitted_segments_to_client,
    if(reporter = 'client', retransmitted_bytes, 0) AS retransmitted_bytes_to_server,
    if(reporter = 'server', retransmitted_bytes, 0) AS retransmitted_bytes_to_client,
    if(reporter = 'client', retransmission_timeouts, 0) AS retransmission_timeouts_to_server,
    if(reporter = 'server', retransmission_timeouts, 0) AS retransmission_timeouts_to_client,
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

-- Pod grain, by the minute.
CREATE VIEW IF NOT EXISTS conversations AS
SELECT * EXCEPT (rollup, counts) FROM reports WHERE rollup = 'flows_1m';

-- Workload grain, at every rollup.
CREATE VIEW IF NOT EXISTS workload_reports AS
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
    sum(resets_to_server) AS resets_to_server,
    sum(resets_to_client) AS resets_to_client,
    sum(retransmitted_segments_to_server) AS retransmitted_segments_to_server,
    sum(retransmitted_segments_to_client) AS retransmitted_segments_to_client,
    sum(retransmitted_bytes_to_server) AS retransmitted_bytes_to_server,
    sum(retransmitted_bytes_to_client) AS retransmitted_bytes_to_client,
    sum(retransmission_timeouts_to_server) AS retransmission_timeouts_to_server,
    sum(retransmission_timeouts_to_client) AS retransmission_timeouts_to_client,
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

CREATE VIEW IF NOT EXISTS edges AS
SELECT * EXCEPT rollup FROM workload_reports WHERE rollup = 'flows_1m';

CREATE VIEW IF NOT EXISTS edges_1h AS
SELECT * EXCEPT rollup FROM workload_reports WHERE rollup = 'flows_1h';

-- What became of everything the kernel counted, per node, summed over the agents that ran there.
-- Along the way the bytes must stay the same; rows are compared from where the agent made them.
CREATE VIEW IF NOT EXISTS coverage AS
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
    table_bytes / nullIf(kernel_bytes + lost_bytes, 0) AS covered
FROM by_node
FULL OUTER JOIN tables USING (cluster, node);
