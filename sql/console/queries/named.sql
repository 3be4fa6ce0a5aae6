(
        WITH $id AS id
        SELECT
            id(client_kind, client_namespace, client_workload, '', client_service, '', client_dns_name) AS client_id,
            id(server_kind, server_namespace, server_workload, '', server_service, '', server_dns_name) AS server_id,
            flowatlasName(client_kind, client_namespace, client_workload, if(client_kind != 'aws_service' AND client_dns_name != '', client_dns_name, client_service)) AS client,
            flowatlasName(server_kind, server_namespace, server_workload, if(server_kind != 'aws_service' AND server_dns_name != '', server_dns_name, server_service)) AS server,
            $way AS way,
            $segments AS segments,
            *
