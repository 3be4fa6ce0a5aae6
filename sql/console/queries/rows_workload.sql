(
    SELECT *, '' AS client_pod, '' AS server_pod, '' AS client_node, '' AS server_node
    FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
)
