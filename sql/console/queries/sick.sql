SELECT * EXCEPT (rtt_histogram), count() OVER () AS edges
FROM
(
    SELECT
        client, server,
        cityHash64(client, server) AS pair,
        any(seen.seconds) AS seconds,
        $measures,
        $penalties AS penalties
    FROM $summed AS seen
    GROUP BY client, server
)
ORDER BY health, bytes_to_server + bytes_to_client DESC, client, server
LIMIT {limit:UInt32}
