SELECT DISTINCT toString(cluster) AS cluster FROM agents ORDER BY cluster
