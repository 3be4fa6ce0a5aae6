SELECT
    toString(cluster) AS cluster,
    groupUniqArrayArray([toString(client_namespace), toString(server_namespace)]) AS namespaces,
    groupUniqArrayArray([toString(client_zone), toString(server_zone)]) AS zones,
    groupUniqArrayArray([toString(client_kind), toString(server_kind)]) AS kinds,
    groupUniqArray(toString(path)) AS paths,
    groupUniqArrayArray(10000)(arrayConcat(
        CAST(client_labels, 'Array(Tuple(String, String))'), CAST(server_labels, 'Array(Tuple(String, String))')
    )) AS labels
FROM edges_summed(since = now() - INTERVAL 1 DAY, until = now())
GROUP BY cluster
