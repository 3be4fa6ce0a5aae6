(
    SELECT *, '' AS client_pod, '' AS server_pod, '' AS client_node, '' AS server_node
    FROM edges_between(since = {read_since:DateTime}, until = {until:DateTime})
    WHERE window >= flowatlasWindow({since:DateTime}, flowatlasLevel({read_since:DateTime}, {until:DateTime}))
)
