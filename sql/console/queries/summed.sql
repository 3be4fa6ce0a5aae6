(
    WITH $id AS id
    SELECT
        id(c.8, c.1, c.2, c.3, c.4, c.5, c.6, c.7) AS client,
        id(s.8, s.1, s.2, s.3, s.4, s.5, s.6, s.7) AS server,
        * EXCEPT (c, s)
    FROM
    (
        SELECT
            $told,
            any(row.seconds) AS seconds,
            sumIf(row.packets_to_server + row.packets_to_client, row.protocol = 'TCP') AS segments,
            sum(row.bytes_to_server) AS bytes_to_server,
            sum(row.bytes_to_client) AS bytes_to_client,
            sum(row.packets_to_server) AS packets_to_server,
            sum(row.packets_to_client) AS packets_to_client,
            sum(row.connections_attempted) AS connections_attempted,
            sum(row.connections_established) AS connections_established,
            sum(row.connections_refused) AS connections_refused,
            sum(row.connections_timed_out) AS connections_timed_out,
            sum(row.connections_reset) AS connections_reset,
            sum(row.connections_unreachable) AS connections_unreachable,
            sum(row.connections_half_open) AS connections_half_open,
            sum(row.connections_handshake_reset) AS connections_handshake_reset,
            sum(row.listen_overflows) AS listen_overflows,
            sum(row.resets_to_server) AS resets_to_server,
            sum(row.resets_to_client) AS resets_to_client,
            sum(row.zero_windows_to_server) AS zero_windows_to_server,
            sum(row.zero_windows_to_client) AS zero_windows_to_client,
            sum(row.retransmitted_segments_to_server) AS retransmitted_segments_to_server,
            sum(row.retransmitted_segments_to_client) AS retransmitted_segments_to_client,
            sum(row.retransmitted_syns_to_server) AS retransmitted_syns_to_server,
            sum(row.retransmitted_syns_to_client) AS retransmitted_syns_to_client,
            sum(row.client_dropped_packets) AS client_dropped_packets,
            sum(row.server_dropped_packets) AS server_dropped_packets,
            sumMap(row.client_rtt_histogram) AS client_rtt_histogram,
            sumMap(row.server_rtt_histogram) AS server_rtt_histogram,
            sumMap(row.connect_latency_histogram) AS connect_latency_histogram,
            sum(row.cost_usd) AS cost_usd,
            sum(row.unpriced_bytes) AS unpriced_bytes
        FROM (SELECT * FROM $rows WHERE $scope) AS row
        GROUP BY $key
    )
)
