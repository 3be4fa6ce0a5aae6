SELECT
    client_id, server_id, client, server, direction, toString(remote_kind) AS remote_kind, remote_name,
    toString(protocol) AS protocol, server_port AS port, path,
    $flow_measures
FROM
(
    SELECT
        client_id, server_id, client, server, direction, remote_kind, remote_name, protocol, server_port,
        seen.way AS path,
        $measures
    FROM
    $named
        FROM external_flows_between(since = {since:DateTime}, until = {until:DateTime})
        WHERE $scope
    ) AS seen
    GROUP BY client_id, server_id, client, server, direction, remote_kind, remote_name, protocol, server_port, path
)
