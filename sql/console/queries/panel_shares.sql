SELECT
    client_zone, server_zone,
    $way AS way,
    gateway, toString(protocol) AS protocol_name, server_port AS port,
    sum(bytes_to_server + bytes_to_client) AS bytes,
    toFloat64(sum(seen.cost_usd)) AS cost_usd,
    sum(retransmitted_segments_to_server + retransmitted_segments_to_client) AS retransmitted_segments,
    sum(seen.segments) AS segments
FROM $ends AS seen
WHERE $panel
GROUP BY client_zone, server_zone, way, gateway, protocol_name, port
ORDER BY bytes DESC
LIMIT 10000
