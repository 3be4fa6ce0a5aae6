-- Sums by workload pair since each origin (Unix seconds), all from one snapshot of the table.
WITH
    sumMap(connect_latency_histogram) AS connect_latencies,
    mapAdd(sumMap(client_rtt_histogram), sumMap(server_rtt_histogram)) AS rtts
SELECT
    origin,
    (
        cluster,
        client_kind, client_namespace,
        multiIf(client_workload != '', client_workload, client_service != '', client_service, client_kind),
        server_kind, server_namespace,
        multiIf(server_workload != '', server_workload, server_service != '', server_service, server_kind)
    ) AS key,
    sum(bytes_to_server), sum(bytes_to_client),
    sum(packets_to_server), sum(packets_to_client),
    sum(connections_attempted), sum(connections_established),
    sum(connections_refused), sum(connections_timed_out),
    sum(connections_reset), sum(connections_unreachable),
    sum(connections_handshake_reset), sum(connections_half_open), sum(listen_overflows),
    sum(retransmitted_segments_to_server), sum(retransmitted_segments_to_client),
    sum(retransmission_timeouts_to_server), sum(retransmission_timeouts_to_client),
    sum(resets_to_server), sum(resets_to_client),
    sum(zero_windows_to_server), sum(zero_windows_to_client),
    sum(client_dropped_packets), sum(server_dropped_packets),
    toUInt64(sum(cost_usd) * 1000000000), sum(unpriced_bytes),
    sum(connect_latency_count), sum(connect_latency_sum),
    arrayMap(bucket -> connect_latencies[toUInt8(bucket)], range(24)),
    sum(client_rtt_count) + sum(server_rtt_count), sum(client_rtt_sum) + sum(server_rtt_sum),
    arrayMap(bucket -> rtts[toUInt8(bucket)], range(24))
FROM edges_1h_since(since = toDateTime(arrayMin({origins:Array(UInt32)})))
ARRAY JOIN {origins:Array(UInt32)} AS origin
WHERE window >= toDateTime(origin)
GROUP BY origin, key
