-- question: Which pod sends the most?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 10 (pods to show)
WITH
    -- Each pod by its own node's report alone: as the client of some conversations and as the server
    -- of others. So no byte is counted twice, and behind a Service it is the pod that really served.
    own_reports AS (
        SELECT
            if(reporter = 'client', client_kind, server_kind) AS kind,
            if(reporter = 'client', client_namespace, server_namespace) AS namespace,
            if(reporter = 'client', client_pod, server_pod) AS pod_name,
            if(reporter = 'client', client_node, server_node) AS pod_node,
            if(
                reporter = 'client',
                flowatlasName(server_kind, server_namespace, server_workload, server_service),
                flowatlasName(client_kind, client_namespace, client_workload, client_service)
            ) AS peer,
            sum(if(reporter = 'client', bytes_to_server, bytes_to_client)) AS sent,
            sum(if(reporter = 'client', bytes_to_client, bytes_to_server)) AS received
        FROM flows_1m
        WHERE window >= now() - toIntervalMinute({minutes:UInt32})
        GROUP BY ALL
    )
SELECT
    concat(namespace, '/', pod_name) AS pod,
    pod_node AS node,
    formatReadableSize(sum(sent)) AS sends,
    formatReadableSize(sum(received)) AS receives,
    argMax(peer, sent) AS mostly_to
FROM own_reports
WHERE kind = 'pod'
GROUP BY pod, node
ORDER BY sum(sent) DESC, pod
LIMIT {limit:UInt32}
