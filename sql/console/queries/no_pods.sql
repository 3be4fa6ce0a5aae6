'' AS client_pod, '' AS server_pod, '' AS client_node, '' AS server_node
