cluster,
            client_kind, client_namespace, client_workload, client_service, client_dns_name, client_pod, client_node,
            server_kind, server_namespace, server_workload, server_service, server_dns_name, server_pod, server_node
