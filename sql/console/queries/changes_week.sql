WITH $id AS id
SELECT
    change,
    id($place, client_kind, client_namespace, client_workload, '', client_name, '', '') AS client,
    id($place, server_kind, server_namespace, server_workload, '', server_name, '', server_dns_name) AS server,
    server_port AS port, toString(protocol) AS protocol,
    sum(found.bytes) AS bytes, sum(found.bytes_before) AS bytes_before,
    sum(found.connections) AS connections, toUnixTimestamp(min(hour)) AS first_seen
FROM
(
    SELECT
        *,
        if(client = toString(client_kind), '', client) AS client_name,
        if(server = toString(server_kind), '', server) AS server_name
    FROM changes
    WHERE hour >= toStartOfHour({since:DateTime}) AND hour < {until:DateTime}
        AND ({cluster:String} = '' OR cluster = {cluster:String})
        AND (empty({namespaces:Array(String)}) OR client_namespace IN {namespaces:Array(String)} OR server_namespace IN {namespaces:Array(String)})
        AND ({search:String} = '' OR positionCaseInsensitive(concat($place, client, ' ', $place, server, ' ', server_dns_name), {search:String}) > 0)
) AS found
GROUP BY change, client, server, port, protocol
ORDER BY bytes DESC, client, server, port, protocol
