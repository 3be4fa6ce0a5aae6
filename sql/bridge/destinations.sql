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
FROM reports
ARRAY JOIN {origins:Array(UInt32)} AS origin
WHERE rollup = 'flows_1h' AND server_kind = 'internet'
    AND window >= toDateTime(arrayMin({origins:Array(UInt32)})) AND window >= toDateTime(origin)
GROUP BY origin, key
