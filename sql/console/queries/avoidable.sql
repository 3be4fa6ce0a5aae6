(
    SELECT *
    FROM avoidable_costs
    WHERE (
        cluster, path, path_behind, client_kind, client_namespace, client_workload, client_zone,
        server_kind, server_namespace, server_workload, server_service, server_zone, server_dns_name
    ) IN (
        SELECT
            cluster, path, path_behind, client_kind, client_namespace, client_workload, client_zone,
            server_kind, server_namespace, server_workload, server_service, server_zone, server_dns_name
        FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
        WHERE $scope
    )
)
