-- question: Who talks to whom, how much, and how well?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 50 (edges to show, the heaviest first)
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    concat(toString(server_port), '/', lower(toString(protocol))) AS port,
    formatReadableSize(sum(bytes_to_server)) AS to_server,
    formatReadableSize(sum(bytes_to_client)) AS to_client,
    sum(connections_established) AS connections,
    sum(retransmitted_segments_to_server) + sum(retransmitted_segments_to_client) AS retransmits,
    flowatlasDuration(
        (sum(client_rtt_sum) + sum(server_rtt_sum)) / (sum(client_rtt_count) + sum(server_rtt_count))
    ) AS rtt_average,
    flowatlasDuration(
        flowatlasQuantile(mapAdd(sumMap(client_rtt_histogram), sumMap(server_rtt_histogram)), 0.95)
    ) AS rtt_p95
FROM edges_summed(since = now() - toIntervalMinute({minutes:UInt32}), until = now())
GROUP BY client, server, port
ORDER BY sum(bytes_to_server) + sum(bytes_to_client) DESC, client, server, port
LIMIT {limit:UInt32}
