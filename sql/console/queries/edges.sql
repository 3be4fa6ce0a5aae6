SELECT
    client, server,
    cityHash64(client, server) AS pair,
    if(min(seen.client_zone) = max(seen.client_zone_too), max(seen.client_zone_too), '') AS client_zone,
    if(min(seen.server_zone) = max(seen.server_zone_too), max(seen.server_zone_too), '') AS server_zone,
    any(seen.client_node) AS client_node,
    any(seen.server_node) AS server_node,
    arraySort(arrayMap(
        way -> if(way.1 = way.2, toString(way.1), concat(toString(way.1), '>', toString(way.2))),
        groupUniqArrayArray(seen.ways)
    )) AS paths,
    sum(seen.cross_zone_bytes) AS cross_zone_bytes,
    $measures
