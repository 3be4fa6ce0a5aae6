SELECT
    client_id, server_id, client, server, aws_service, aws_region, toString(protocol) AS protocol,
    server_port AS port, path,
    $flow_measures
FROM
(
    SELECT
        client_id, server_id, client, server, aws_service, aws_region, protocol, server_port, seen.way AS path,
        $measures
    FROM
    $named
        FROM aws_service_flows_between(since = {since:DateTime}, until = {until:DateTime})
        WHERE $scope
    ) AS seen
    GROUP BY client_id, server_id, client, server, aws_service, aws_region, protocol, server_port, path
)
