-- Sums by destination on the internet since each origin (Unix seconds). Addresses that no DNS answer
-- named are one destination: by themselves they say little and are many.
SELECT
    origin,
    (
        cluster, client_namespace, client_workload,
        if(server_dns_name != '', server_dns_name, 'unnamed')
    ) AS key,
    sum(bytes_to_server), sum(bytes_to_client), sum(connections_established),
    toUInt64(sum(cost_usd) * 1000000000)
FROM edges_1h_since(since = toDateTime(arrayMin({origins:Array(UInt32)})))
ARRAY JOIN {origins:Array(UInt32)} AS origin
WHERE server_kind = 'internet' AND window >= toDateTime(origin)
GROUP BY origin, key
