-- question: Is a slow service slow by retransmissions?
-- parameter: workload =  (only edges of this workload; empty: all)
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (edges to show, the worst first)
WITH
    sum(packets_to_server) + sum(packets_to_client) AS segments,
    sum(retransmitted_segments_to_server) + sum(retransmitted_segments_to_client) AS again,
    100 * again / greatest(segments, again, 1) AS percent,
    sum(retransmission_timeouts_to_server) + sum(retransmission_timeouts_to_client) AS timeouts,
    sum(zero_windows_to_server) AS closed_by_client,
    sum(zero_windows_to_client) AS closed_by_server,
    mapAdd(sumMap(client_rtt_histogram), sumMap(server_rtt_histogram)) AS rtt,
    flowatlasQuantile(rtt, 0.5) AS p50,
    flowatlasQuantile(rtt, 0.95) AS p95
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    server_port AS port,
    flowatlasDuration(p50) AS rtt_p50,
    flowatlasDuration(p95) AS rtt_p95,
    flowatlasDuration(flowatlasQuantile(sumMap(connect_latency_histogram), 0.95)) AS connect_p95,
    again AS retransmits,
    concat(toString(round(percent, 2)), ' %') AS retransmitted,
    timeouts AS rto,
    closed_by_client + closed_by_server AS zero_windows,
    multiIf(
        percent >= 1 AND sum(connections_established) = 0 AND sum(connections_timed_out) > 0,
        'nothing answers: what is sent again are attempts to connect',
        percent >= 1 AND again >= 3,
        'yes, the network: segments get lost and are sent again',
        greatest(closed_by_client, closed_by_server) >= 3,
        concat(
            'no, the receiver: the ', if(closed_by_client > closed_by_server, 'client', 'server'),
            ' reads too slowly and had its window full'
        ),
        p95 >= 10000 AND p95 >= 8 * p50,
        'perhaps the network: round trips vary widely, a queue fills up on the way',
        p50 >= 50000,
        'the way is long: every round trip is slow, none is lost',
        'no: the network is fine, look at the service itself'
    ) AS verdict
FROM edges_summed(since = now() - toIntervalMinute({minutes:UInt32}), until = now())
WHERE protocol = 'TCP'
    AND {workload:String} IN ('', client_workload, server_workload)
GROUP BY client, server, port
HAVING segments > 0
ORDER BY percent DESC, zero_windows DESC, p95 DESC, client, server
LIMIT {limit:UInt32}
