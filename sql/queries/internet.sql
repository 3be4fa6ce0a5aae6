-- question: What talks to the internet?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (rows to show)
SELECT
    if(server_kind = 'internet', 'out', 'in') AS direction,
    if(
        server_kind = 'internet',
        flowatlasName(client_kind, client_namespace, client_workload, client_service),
        flowatlasName(server_kind, server_namespace, server_workload, server_service)
    ) AS workload,
    concat(toString(server_port), '/', lower(toString(protocol))) AS port,
    formatReadableSize(
        sum(if(server_kind = 'internet', bytes_to_server, bytes_to_client))
    ) AS sends,
    formatReadableSize(
        sum(if(server_kind = 'internet', bytes_to_client, bytes_to_server))
    ) AS receives,
    sum(connections_established) AS connections,
    uniqExact(if(server_kind = 'internet', server_address, client_address)) AS addresses,
    arrayStringConcat(
        groupUniqArray(3)(replaceOne(
            toString(if(server_kind = 'internet', server_address, client_address)), '::ffff:', ''
        )), ', '
    ) AS for_example
FROM conversations
WHERE window >= now() - toIntervalMinute({minutes:UInt32})
    AND (server_kind = 'internet' OR client_kind = 'internet')
GROUP BY direction, workload, port
ORDER BY sum(bytes_to_server) + sum(bytes_to_client) DESC, workload, port
LIMIT {limit:UInt32}
