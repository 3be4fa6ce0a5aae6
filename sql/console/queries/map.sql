SELECT
    client, server,
    $measures
FROM $ends AS seen
GROUP BY client, server
ORDER BY bytes_to_server + bytes_to_client DESC, client, server
LIMIT {limit:UInt32}
