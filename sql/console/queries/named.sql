(
        WITH $id AS id
        SELECT
            id($place, client_kind, client_namespace, client_workload, '', client_service, '', client_dns_name) AS client_id,
            id($place, server_kind, server_namespace, server_workload, '', server_service, '', server_dns_name) AS server_id,
            concat(
                if(client_kind IN ('pod', 'node', 'service'), $place, ''),
                flowatlasName(client_kind, client_namespace, client_workload, if(client_kind != 'aws_service' AND client_dns_name != '', client_dns_name, client_service))
            ) AS client,
            concat(
                if(server_kind IN ('pod', 'node', 'service'), $place, ''),
                flowatlasName(server_kind, server_namespace, server_workload, if(server_kind != 'aws_service' AND server_dns_name != '', server_dns_name, server_service))
            ) AS server,
            $way AS way,
            $segments AS segments,
            *
