SELECT
    nullIf(toUnixTimestamp(greatest(
        max(window), (SELECT max(window) FROM flows_10s WHERE window >= now() - INTERVAL 2 HOUR)
    )), 0) AS newest,
    arraySort(groupUniqArray(toString(cluster))) AS clusters,
    arraySort(arrayFilter(x -> x != '', groupUniqArrayArray([toString(client_namespace), toString(server_namespace)]))) AS namespaces,
    arraySort(arrayFilter(x -> x != '', groupUniqArrayArray([toString(client_zone), toString(server_zone)]))) AS zones,
    arraySort(groupUniqArrayArray([toString(client_kind), toString(server_kind)])) AS kinds,
    arraySort(groupUniqArray(toString(path))) AS paths,
    arraySort(arrayDistinct(arrayFlatten(groupUniqArray(1000)(arrayConcat(mapKeys(client_labels), mapKeys(server_labels)))))) AS label_keys
FROM edges_between(since = now() - INTERVAL 1 DAY, until = now())
