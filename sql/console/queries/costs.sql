SELECT
    client, server,
    $way AS way,
    multiIf(
        client_namespace != '', concat($place, client_namespace),
        server_namespace != '', concat($place, server_namespace),
        ''
    ) AS namespace,
    sum(bytes_to_server + bytes_to_client) AS bytes,
    toFloat64(sum(seen.cost_usd)) AS cost_usd,
    sum(seen.unpriced_bytes) AS unpriced_bytes
FROM $ends AS seen
GROUP BY client, server, way, namespace
ORDER BY cost_usd DESC, bytes DESC, client, server
