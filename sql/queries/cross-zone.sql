-- question: Which pairs talk most across zones, and what does it cost?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (pairs to show)
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    client_zone AS from_zone,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    server_zone AS to_zone,
    formatReadableSize(sum(bytes_to_server)) AS to_server,
    formatReadableSize(sum(bytes_to_client)) AS to_client,
    sum(connections_established) AS connections,
    round(sum(cost_usd), 6) AS usd
FROM edges_summed(since = now() - toIntervalMinute({minutes:UInt32}), until = now())
WHERE client_zone != '' AND server_zone != '' AND client_zone != server_zone
GROUP BY client, from_zone, server, to_zone
HAVING sum(bytes_to_server) + sum(bytes_to_client) > 0 -- zones known to the report that counts
ORDER BY sum(bytes_to_server) + sum(bytes_to_client) DESC, client, server
LIMIT {limit:UInt32}
