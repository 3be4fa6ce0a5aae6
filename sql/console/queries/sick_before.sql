SELECT cityHash64(client, server) AS pair, * EXCEPT (client, server, rtt_histogram)
FROM
(
    SELECT client, server, $measures
    FROM $ends AS seen
    WHERE cityHash64(client, server) IN {pairs:Array(UInt64)}
    GROUP BY client, server
)
