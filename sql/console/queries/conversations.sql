SELECT
    client_pod, client_address, client_zone, client_method, client_confidence,
    server_pod, server_address, server_zone, server_method, server_confidence,
    toString(protocol) AS protocol, server_port AS port, path,
    $flow_measures
FROM
(
    SELECT
        if(seen.client_pod != '', seen.client_pod, seen.client_node) AS client_pod,
        replaceOne(toString(seen.client_address), '::ffff:', '') AS client_address,
        seen.client_zone AS client_zone,
        toString(seen.client_method) AS client_method,
        toString(seen.client_confidence) AS client_confidence,
        if(seen.server_pod != '', seen.server_pod, seen.server_node) AS server_pod,
        replaceOne(toString(seen.server_address), '::ffff:', '') AS server_address,
        seen.server_zone AS server_zone,
        toString(seen.server_method) AS server_method,
        toString(seen.server_confidence) AS server_confidence,
        seen.protocol AS protocol, seen.server_port AS server_port, seen.way AS path,
        $measures
    FROM
    (
        WITH $id AS id
        SELECT
            id($place, client_kind, client_namespace, client_workload, client_pod, client_service, client_node, client_dns_name) AS client,
            id($place, server_kind, server_namespace, server_workload, server_pod, server_service, server_node, server_dns_name) AS server,
            $way AS way,
            $segments AS segments,
            *
        FROM conversations
        WHERE window >= toStartOfMinute({since:DateTime}) AND window < {until:DateTime}
            AND $scope
    ) AS seen
    WHERE $panel
    GROUP BY ALL
)
