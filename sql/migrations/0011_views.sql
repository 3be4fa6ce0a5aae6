-- What people open first, each byte once: traffic within the cluster, with AWS's services, and with
-- the rest of the world; the health of nodes and pods; and what changed since a week ago.
--
-- Each comes twice. `cluster_flows` reaches back as far as there is anything, by the minute for the
-- last day and by the hour before; `cluster_flows_between(since = …, until = …)` takes the level that
-- suits the length of what is asked for. `seconds` is the length of a row's window.

-- What share of a histogram's samples took at most so many microseconds; NULL without samples. Within a
-- bucket samples are taken to spread evenly on the logarithmic scale, as flowatlasQuantile has it.
CREATE FUNCTION IF NOT EXISTS flowatlasShareWithin AS (histogram, microseconds) -> if(
    arraySum(mapValues(histogram)) = 0, NULL,
    arraySum(
        (bucket, count) -> count * least(
            greatest(log2(greatest(assumeNotNull(microseconds), 1)) - bucket - 4, 0), 1
        ),
        mapKeys(histogram), mapValues(histogram)
    ) / arraySum(mapValues(histogram))
);

-- Several quantiles at once, as an array.
CREATE FUNCTION IF NOT EXISTS flowatlasQuantiles AS (histogram, levels) -> arrayMap(
    level -> flowatlasQuantile(histogram, level), levels
);

-- The level for a range of time: at most some hundred windows, of what is kept that long.
CREATE FUNCTION IF NOT EXISTS flowatlasLevel AS (since, until) -> multiIf(
    dateDiff('second', since, until) <= 900 AND since >= now() - INTERVAL 2 DAY, 'flows_10s',
    dateDiff('second', since, until) <= 21600 AND since >= now() - INTERVAL 29 DAY, 'flows_1m',
    'flows_1h'
);

-- How long the windows of a level are, in seconds.
CREATE FUNCTION IF NOT EXISTS flowatlasSeconds AS level -> multiIf(
    level = 'flows_10s', 10, level = 'flows_1m', 60, 3600
);

-- The start of the level's window that a moment falls in.
CREATE FUNCTION IF NOT EXISTS flowatlasWindow AS (moment, level) -> toDateTime(
    intDiv(toUnixTimestamp(moment), flowatlasSeconds(level)) * flowatlasSeconds(level), 'UTC'
);

-- Which of the three views a conversation belongs to.
CREATE FUNCTION IF NOT EXISTS flowatlasView AS (client_kind, server_kind) -> multiIf(
    client_kind = 'aws_service' OR server_kind = 'aws_service', 'aws_service',
    client_kind IN ('pod', 'node', 'service') AND server_kind IN ('pod', 'node', 'service'), 'cluster',
    'external'
);

-- Rows as they are stored: to group them by all dimensions before whoever asks groups them by some
-- cost five times what it saved.
CREATE OR REPLACE VIEW workload_reports AS
SELECT
    rollup, window, cluster, protocol, server_port,
    client_kind, client_namespace, client_workload, client_workload_kind, client_zone,
    client_region, client_service, client_zone_id, client_dns_name,
    server_kind, server_namespace, server_workload, server_workload_kind, server_zone,
    server_region, server_service, server_zone_id, server_dns_name,
    path, path_behind, gateway,
    client_labels, server_labels, bytes_to_server, bytes_to_client, packets_to_server,
    packets_to_client, connections_attempted, connections_established, connections_closed,
    connections_refused, connections_timed_out, connections_reset, connections_unreachable,
    connections_handshake_reset, connections_half_open, listen_overflows, resets_to_server,
    resets_to_client, zero_windows_to_server, zero_windows_to_client,
    retransmitted_segments_to_server, retransmitted_segments_to_client,
    retransmitted_bytes_to_server, retransmitted_bytes_to_client, retransmission_timeouts_to_server,
    retransmission_timeouts_to_client, retransmitted_syns_to_server, retransmitted_syns_to_client,
    out_of_order_segments_to_server, out_of_order_segments_to_client, datagram_errors_to_server,
    datagram_errors_to_client, client_dropped_packets, client_drop_reasons, server_dropped_packets,
    server_drop_reasons, connect_latency_count, connect_latency_sum, connect_latency_min,
    connect_latency_max, connect_latency_histogram, client_rtt_count, client_rtt_sum,
    client_rtt_min, client_rtt_max, client_rtt_histogram, server_rtt_count, server_rtt_sum,
    server_rtt_min, server_rtt_max, server_rtt_histogram, cost_usd, unpriced_bytes
FROM reports;

CREATE OR REPLACE VIEW edges_between AS
SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT rollup
FROM workload_reports
WHERE rollup = flowatlasLevel({since:DateTime}, {until:DateTime})
    AND window >= flowatlasWindow({since:DateTime}, flowatlasLevel({since:DateTime}, {until:DateTime}))
    AND window < {until:DateTime};

-- What the three views below choose from.
CREATE OR REPLACE VIEW edges_ever AS
SELECT 60 AS seconds, * EXCEPT rollup
FROM workload_reports
WHERE rollup = 'flows_1m' AND window >= toStartOfHour(now() - INTERVAL 1 DAY)
UNION ALL
SELECT 3600 AS seconds, * EXCEPT rollup
FROM workload_reports
WHERE rollup = 'flows_1h' AND window < toStartOfHour(now() - INTERVAL 1 DAY);

CREATE OR REPLACE VIEW cluster_flows AS
SELECT *
FROM edges_ever
WHERE flowatlasView(client_kind, server_kind) = 'cluster';

CREATE OR REPLACE VIEW cluster_flows_between AS
SELECT *
FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
WHERE flowatlasView(client_kind, server_kind) = 'cluster';

CREATE OR REPLACE VIEW aws_service_flows AS
SELECT
    if(server_kind = 'aws_service', server_service, client_service) AS aws_service,
    if(server_kind = 'aws_service', server_region, client_region) AS aws_region,
    *
FROM edges_ever
WHERE flowatlasView(client_kind, server_kind) = 'aws_service';

CREATE OR REPLACE VIEW aws_service_flows_between AS
SELECT
    if(server_kind = 'aws_service', server_service, client_service) AS aws_service,
    if(server_kind = 'aws_service', server_region, client_region) AS aws_region,
    *
FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
WHERE flowatlasView(client_kind, server_kind) = 'aws_service';

CREATE OR REPLACE VIEW external_flows AS
SELECT
    if(client_kind IN ('pod', 'node', 'service'), 'out', 'in') AS direction,
    if(direction = 'out', server_kind, client_kind) AS remote_kind,
    if(direction = 'out', server_dns_name, client_dns_name) AS remote_name,
    *
FROM edges_ever
WHERE flowatlasView(client_kind, server_kind) = 'external';

CREATE OR REPLACE VIEW external_flows_between AS
SELECT
    if(client_kind IN ('pod', 'node', 'service'), 'out', 'in') AS direction,
    if(direction = 'out', server_kind, client_kind) AS remote_kind,
    if(direction = 'out', server_dns_name, client_dns_name) AS remote_name,
    *
FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
WHERE flowatlasView(client_kind, server_kind) = 'external';

-- Each report as its own end's: what that end sent, received, and met with. So a node's or a pod's sum
-- holds all that it had a part in, once, and nobody has to know which end was whose client.
CREATE OR REPLACE VIEW end_reports AS
SELECT
    _table AS rollup, window, cluster, node,
    if(reporter = 'client', client_kind, server_kind) AS kind,
    if(reporter = 'client', client_namespace, server_namespace) AS namespace,
    if(reporter = 'client', client_workload, server_workload) AS workload,
    if(reporter = 'client', client_workload_kind, server_workload_kind) AS workload_kind,
    if(reporter = 'client', client_pod, server_pod) AS pod,
    if(reporter = 'client', client_zone, server_zone) AS zone,
    if(reporter = 'client', client_region, server_region) AS region,
    if(reporter = 'client', bytes_to_server, bytes_to_client) AS bytes_sent,
    if(reporter = 'client', bytes_to_client, bytes_to_server) AS bytes_received,
    if(reporter = 'client', packets_to_server, packets_to_client) AS packets_sent,
    if(reporter = 'client', packets_to_client, packets_to_server) AS packets_received,
    if(reporter = 'client', connections_attempted, 0) AS connections_attempted,
    if(reporter = 'client', connections_established, 0) AS connections_opened,
    if(reporter = 'server', connections_established, 0) AS connections_accepted,
    if(reporter = 'client', connections_refused, 0) AS connections_refused,
    if(reporter = 'client', connections_timed_out, 0) AS connections_timed_out,
    connections_reset, connections_unreachable, connections_handshake_reset, connections_half_open,
    listen_overflows, retransmitted_segments, retransmitted_bytes, retransmission_timeouts,
    retransmitted_syns, resets_sent, resets_received, zero_windows_sent, zero_windows_received,
    out_of_order_segments, datagram_errors, dropped_packets, drop_reasons,
    connect_latency_count, connect_latency_sum, connect_latency_min, connect_latency_max,
    connect_latency_histogram, rtt_count, rtt_sum, rtt_min, rtt_max, rtt_histogram
FROM merge(currentDatabase(), '^flows_(10s|1m|1h)$');

CREATE OR REPLACE VIEW node_health AS
SELECT 60 AS seconds, * EXCEPT (rollup, pod)
FROM end_reports
WHERE rollup = 'flows_1m' AND window >= toStartOfHour(now() - INTERVAL 1 DAY)
UNION ALL
SELECT 3600 AS seconds, * EXCEPT (rollup, pod)
FROM end_reports
WHERE rollup = 'flows_1h' AND window < toStartOfHour(now() - INTERVAL 1 DAY);

CREATE OR REPLACE VIEW node_health_between AS
SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT (rollup, pod)
FROM end_reports
WHERE rollup = flowatlasLevel({since:DateTime}, {until:DateTime})
    AND window >= flowatlasWindow({since:DateTime}, flowatlasLevel({since:DateTime}, {until:DateTime}))
    AND window < {until:DateTime};

-- The hour has no pods, so pods are there for as long as the minute is kept.
CREATE OR REPLACE VIEW pod_health AS
SELECT 60 AS seconds, * EXCEPT (rollup, kind)
FROM end_reports
WHERE rollup = 'flows_1m' AND kind = 'pod';

CREATE OR REPLACE VIEW pod_health_between AS
SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT (rollup, kind)
FROM end_reports
WHERE rollup = if(flowatlasLevel({since:DateTime}, {until:DateTime}) = 'flows_10s', 'flows_10s', 'flows_1m')
    AND kind = 'pod'
    AND window >= flowatlasWindow({since:DateTime}, if(flowatlasLevel({since:DateTime}, {until:DateTime}) = 'flows_10s', 'flows_10s', 'flows_1m'))
    AND window < {until:DateTime};

-- Pairs in a whole hour against the same hour a week before. A cluster without an agent in either has
-- nothing to compare.
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
    FROM workload_reports
    WHERE rollup = 'flows_1h'
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
    FROM workload_reports
    WHERE rollup = 'flows_1h'
) AS told
WHERE hour < toStartOfHour(now())
    AND (cluster, hour) IN (SELECT cluster, hour FROM agents)
    AND (cluster, hour - INTERVAL 7 DAY) IN (SELECT cluster, hour FROM agents)
GROUP BY ALL
HAVING (packets + connections = 0) != (packets_before + connections_before = 0)
    OR bytes >= 2 * bytes_before AND bytes >= bytes_before + 1048576;
