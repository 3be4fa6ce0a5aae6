-- The map's edges as SQL has them, by the rules that panels and tables are read by: what the console adds up
-- itself has to be the same. A pair in `pairs` becomes what is at its place in `shown`.
SELECT
    if(indexOf({pairs:Array(Tuple(String, String))}, (seen.client, seen.server)) AS place = 0, seen.client, {shown:Array(Tuple(String, String))}[place].1) AS client,
    if(place = 0, seen.server, {shown:Array(Tuple(String, String))}[place].2) AS server,
    if(min(seen.client_zone) = max(seen.client_zone), min(seen.client_zone), '') AS client_zone,
    if(min(seen.server_zone) = max(seen.server_zone), min(seen.server_zone), '') AS server_zone,
    arraySort(groupUniqArray($way)) AS paths,
    sumIf(seen.bytes_to_server + seen.bytes_to_client, seen.path = 'cross_zone') AS cross_zone_bytes,
    $measures
FROM $ends AS seen
GROUP BY client, server
ORDER BY bytes_to_server + bytes_to_client DESC, client, server
