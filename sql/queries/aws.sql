-- question: Which AWS services are used, by which way, and what told that it is they?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (rows to show)
-- `method` and `confidence` are those of docs/stream.md, `name` one of the DNS names that were used.
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    server_service AS service,
    server_region AS region,
    toString(path) AS way,
    server_method AS method,
    toString(server_confidence) AS confidence,
    max(server_dns_name) AS name,
    formatReadableSize(sum(bytes_to_server)) AS to_service,
    formatReadableSize(sum(bytes_to_client)) AS from_service
FROM conversations
WHERE window >= now() - toIntervalMinute({minutes:UInt32}) AND server_kind = 'aws_service'
GROUP BY client, service, region, way, method, confidence
ORDER BY sum(bytes_to_server) + sum(bytes_to_client) DESC, client, service
LIMIT {limit:UInt32}
