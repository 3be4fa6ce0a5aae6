SELECT
    client_id, server_id, client, server, toString(protocol) AS protocol, server_port AS port, path,
    $flow_measures
FROM
(
    SELECT
        client_id, server_id, client, server, protocol, server_port, seen.way AS path,
        $measures
    FROM
    $named
        FROM cluster_flows_between(since = {since:DateTime}, until = {until:DateTime})
        WHERE $scope
    ) AS seen
    GROUP BY client_id, server_id, client, server, protocol, server_port, path
)
