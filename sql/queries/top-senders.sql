-- question: Which pod sends the most?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 10 (pods to show)
WITH
    -- A pod sends as the client of some conversations and as the server of others.
    ends AS (
        SELECT
            tupleElement(arrayJoin([
                (
                    (client_kind, client_namespace, client_pod, client_node),
                    flowatlasName(server_kind, server_namespace, server_workload, server_service),
                    bytes_to_server, bytes_to_client
                ),
                (
                    (server_kind, server_namespace, server_pod, server_node),
                    flowatlasName(client_kind, client_namespace, client_workload, client_service),
                    bytes_to_client, bytes_to_server
                )
            ]) AS seen_from, 1) AS pod,
            seen_from.2 AS peer,
            sum(seen_from.3) AS sent,
            sum(seen_from.4) AS received
        FROM conversations
        WHERE window >= now() - toIntervalMinute({minutes:UInt32})
        GROUP BY ALL
    )
SELECT
    concat(pod.2, '/', pod.3) AS pod_name,
    pod.4 AS node,
    formatReadableSize(sum(sent)) AS sends,
    formatReadableSize(sum(received)) AS receives,
    argMax(peer, sent) AS mostly_to
FROM ends
WHERE pod.1 = 'pod'
GROUP BY pod_name, node
ORDER BY sum(sent) DESC, pod_name
LIMIT {limit:UInt32}
