any((client_kind, client_namespace, client_workload, client_pod, client_service, client_node, client_dns_name, $place)) AS c,
            any((server_kind, server_namespace, server_workload, server_pod, server_service, server_node, server_dns_name, $place)) AS s
