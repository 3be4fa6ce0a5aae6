SELECT cityHash64(client, server) AS pair, * EXCEPT (client, server, rtt_histogram)
FROM
(
    SELECT
        client, server,
        toString(seen.client_zone) AS client_zone, toString(seen.server_zone) AS server_zone,
        toUnixTimestamp(seen.window) AS time,
        $measures
    FROM $ends AS seen
    WHERE cityHash64(client, server) IN {pairs:Array(UInt64)}
    GROUP BY client, server, client_zone, server_zone, time
)
ORDER BY time
