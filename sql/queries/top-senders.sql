-- question: Which pod sends the most?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 10 (pods to show)
WITH
    -- Each pod by its own node's report alone: as the client of some conversations and as the server
    -- of others. So no byte is counted twice, and behind a Service it is the pod that really served.
    pods AS (
        SELECT namespace, pod, node, sum(bytes_sent) AS sent, sum(bytes_received) AS received
        FROM ends_1m
        WHERE kind = 'pod' AND window >= now() - toIntervalMinute({minutes:UInt32})
        GROUP BY ALL
        ORDER BY sent DESC, namespace, pod
        LIMIT {limit:UInt32}
    ),
    peers AS (
        SELECT
            if(reporter = 'client', client_namespace, server_namespace) AS namespace,
            if(reporter = 'client', client_pod, server_pod) AS pod,
            node,
            if(
                reporter = 'client',
                flowatlasName(server_kind, server_namespace, server_workload, server_service),
                flowatlasName(client_kind, client_namespace, client_workload, client_service)
            ) AS peer,
            sum(if(reporter = 'client', bytes_to_server, bytes_to_client)) AS sent
        FROM flows_1m
        WHERE window >= now() - toIntervalMinute({minutes:UInt32})
            AND node IN (SELECT node FROM pods)
            AND (namespace, pod) IN (SELECT namespace, pod FROM pods)
        GROUP BY ALL
    )
SELECT
    concat(pods.namespace, '/', pods.pod) AS pod,
    pods.node AS node,
    formatReadableSize(any(pods.sent)) AS sends,
    formatReadableSize(any(pods.received)) AS receives,
    argMax(peer, peers.sent) AS mostly_to
FROM pods
LEFT JOIN peers USING (namespace, pod, node)
GROUP BY pod, node
ORDER BY any(pods.sent) DESC, pod
