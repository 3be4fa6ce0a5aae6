-- Sums by client namespace and path since each origin (Unix seconds).
SELECT
    origin,
    (cluster, client_namespace, toString(path), toString(path_behind)) AS key,
    sum(bytes_to_server), sum(bytes_to_client),
    toUInt64(sum(cost_usd) * 1000000000), sum(unpriced_bytes)
FROM edges_1h_since(since = toDateTime(arrayMin({origins:Array(UInt32)})))
ARRAY JOIN {origins:Array(UInt32)} AS origin
WHERE window >= toDateTime(origin)
GROUP BY origin, key
