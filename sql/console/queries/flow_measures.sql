bytes_to_server, bytes_to_client, connections_attempted, connections_failed, retransmit_rate,
    rtt_p50, rtt_p95, connect_p95, resets, dropped_packets, cost_usd, health
