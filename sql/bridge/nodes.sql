-- Sums by node since each origin (Unix seconds), by what the node's own agent told.
WITH
    sumMap(connect_latency_histogram) AS connect_latencies,
    sumMap(rtt_histogram) AS rtts
SELECT
    origin,
    (cluster, node) AS key,
    sum(if(reporter = 'client', bytes_to_server, bytes_to_client)),
    sum(if(reporter = 'client', bytes_to_client, bytes_to_server)),
    sum(if(reporter = 'client', packets_to_server, packets_to_client)),
    sum(if(reporter = 'client', packets_to_client, packets_to_server)),
    sum(connections_attempted), sum(connections_established),
    sum(connections_refused), sum(connections_timed_out),
    sum(connections_reset), sum(connections_unreachable),
    sum(connections_handshake_reset), sum(connections_half_open), sum(listen_overflows),
    sum(retransmitted_segments), sum(retransmission_timeouts),
    sum(resets_sent), sum(resets_received),
    sum(zero_windows_sent), sum(zero_windows_received),
    sum(dropped_packets),
    toUInt64(sum(cost_usd) * 1000000000), sum(unpriced_bytes),
    sum(connect_latency_count), sum(connect_latency_sum),
    arrayMap(bucket -> connect_latencies[toUInt8(bucket)], range(24)),
    sum(rtt_count), sum(rtt_sum),
    arrayMap(bucket -> rtts[toUInt8(bucket)], range(24))
FROM flows_1h
ARRAY JOIN {origins:Array(UInt32)} AS origin
WHERE window >= toDateTime(arrayMin({origins:Array(UInt32)})) AND window >= toDateTime(origin)
GROUP BY origin, key
