-- Nodes that the rows name anew: partitions that are replaced pass by the view that would note them.
INSERT INTO named_nodes
SELECT DISTINCT cluster, arrayJoin([client_node, server_node]) AS node, window AS hour
FROM {table:Identifier}
WHERE node != ''
