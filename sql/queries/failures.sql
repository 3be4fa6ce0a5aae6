-- question: Which connections fail, and how?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (edges to show)
WITH
    sum(connections_refused) AS refused_ones,
    sum(connections_timed_out) AS timed_out_ones,
    sum(connections_reset) AS reset_ones
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    server_port AS port,
    sum(connections_attempted) AS attempted,
    sum(connections_established) AS established,
    refused_ones AS refused,
    timed_out_ones AS timed_out,
    reset_ones AS reset,
    multiIf(
        refused_ones >= greatest(timed_out_ones, reset_ones), 'nobody listens on that port',
        timed_out_ones >= reset_ones, 'no answer: a dead host, or a policy that drops',
        'an end broke off connections that stood'
    ) AS likely
FROM edges
WHERE window >= now() - toIntervalMinute({minutes:UInt32})
GROUP BY client, server, port
HAVING refused_ones + timed_out_ones + reset_ones > 0
ORDER BY refused_ones + timed_out_ones + reset_ones DESC, client, server
LIMIT {limit:UInt32}
