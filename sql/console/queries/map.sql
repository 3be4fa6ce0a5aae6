-- Sums by what ends are told apart by, in one layer and of the columns in map_columns.sql alone: ClickHouse
-- takes longer to plan than to read, and to plan by columns and layers. sql/console/sums.py does the rest.
SELECT
    any(($raw)) AS raw,
    if(min(row.client_zone) = max(row.client_zone), min(row.client_zone), '') AS client_zone,
    if(min(row.server_zone) = max(row.server_zone), min(row.server_zone), '') AS server_zone,
    CAST(groupUniqArray((row.path, row.path_behind)), 'Array(Tuple(String, String))') AS ways,
    sum(row.bytes_to_server) AS bytes_to_server,
    sum(row.bytes_to_client) AS bytes_to_client,
    sumIf(row.bytes_to_server + row.bytes_to_client, row.path = 'cross_zone') AS cross_zone_bytes,
    sum(row.packets_to_server) AS packets_to_server,
    sum(row.packets_to_client) AS packets_to_client,
    sumIf(row.packets_to_server + row.packets_to_client, row.protocol = 'TCP') AS segments,
    sum(row.connections_attempted) AS connections_attempted,
    sum(row.connections_established) AS connections_established,
    sum(row.connections_refused) AS connections_refused,
    sum(row.connections_timed_out) AS connections_timed_out,
    sum(row.connections_reset) AS connections_reset,
    sum(row.connections_unreachable) AS connections_unreachable,
    sum(row.connections_half_open) AS connections_half_open,
    sum(row.connections_handshake_reset) AS connections_handshake_reset,
    sum(row.listen_overflows) AS listen_overflows,
    sum(row.resets_to_server + row.resets_to_client) AS resets,
    sum(row.zero_windows_to_server + row.zero_windows_to_client) AS zero_windows,
    sum(row.retransmitted_segments_to_server + row.retransmitted_segments_to_client) AS retransmitted_segments,
    sum(row.retransmitted_syns_to_server + row.retransmitted_syns_to_client) AS retransmitted_syns,
    sum(row.client_dropped_packets + row.server_dropped_packets) AS dropped_packets,
    sum(row.unpriced_bytes) AS unpriced_bytes,
    sumMap(row.client_rtt_histogram) AS client_rtt_histogram,
    sumMap(row.server_rtt_histogram) AS server_rtt_histogram,
    sumMap(row.connect_latency_histogram) AS connect_latency_histogram,
    sum(row.cost_usd) AS cost_usd
FROM $read AS row
GROUP BY cityHash64($raw)
