SELECT
    reporter, client_kind, client_namespace, client_workload, server_kind, server_namespace,
    server_workload, server_service, server_port,
    sum(flow_rows), sum(bytes_to_server), sum(bytes_to_client), sum(packets_to_server),
    sum(packets_to_client), sum(retransmitted_segments), sum(rtt_count), min(rtt_min), max(rtt_max),
    sumMap(rtt_histogram), sumMap(drop_reasons)
FROM flows_10s
GROUP BY ALL
ORDER BY ALL
