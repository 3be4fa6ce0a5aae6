SELECT
    if(client = {end:String}, server, client) AS id,
    if(client = {end:String}, 'server', 'client') AS role,
    $measures
FROM $ends AS seen
WHERE $panel
GROUP BY id, role
ORDER BY bytes_to_server + bytes_to_client DESC, id, role
LIMIT 1000
