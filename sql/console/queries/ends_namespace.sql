(
    WITH $id_namespace AS id
    SELECT
        id(client_kind, client_namespace, client_workload, client_service, client_dns_name) AS client,
        id(server_kind, server_namespace, server_workload, server_service, server_dns_name) AS server,
        *
    FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
    WHERE $scope
)
