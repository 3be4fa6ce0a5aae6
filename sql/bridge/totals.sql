-- Sums by workload pair since each origin (Unix seconds), all from one snapshot of the table.
SELECT
    origin,
    (
        cluster,
        client_kind, client_namespace,
        multiIf(client_workload != '', client_workload, client_service != '', client_service, client_kind),
        server_kind, server_namespace,
        multiIf(server_workload != '', server_workload, server_service != '', server_service, server_kind)
    ) AS pair,
    [
        sum(bytes_to_server), sum(bytes_to_client),
        sum(packets_to_server), sum(packets_to_client),
        sum(connections_attempted), sum(connections_established),
        sum(connections_refused), sum(connections_timed_out), sum(connections_reset),
        sum(retransmitted_segments_to_server), sum(retransmitted_segments_to_client),
        sum(retransmission_timeouts_to_server), sum(retransmission_timeouts_to_client),
        sum(resets_to_server), sum(resets_to_client),
        sum(connect_latency_count), sum(connect_latency_sum),
        sum(client_rtt_count) + sum(server_rtt_count), sum(client_rtt_sum) + sum(server_rtt_sum),
        sum(connections_unreachable),
        sum(connections_handshake_reset), sum(connections_half_open), sum(listen_overflows),
        sum(zero_windows_to_server), sum(zero_windows_to_client),
        sum(client_dropped_packets), sum(server_dropped_packets)
    ] AS totals
FROM edges_1h
ARRAY JOIN {origins:Array(UInt32)} AS origin
WHERE window >= toDateTime(arrayMin({origins:Array(UInt32)})) AND window >= toDateTime(origin)
GROUP BY origin, pair
