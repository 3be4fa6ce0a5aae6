-- question: Which services talk to S3 the most?
-- parameter: service = S3 (the AWS service, e.g. DynamoDB)
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (workloads to show)
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    server_service AS service,
    arrayStringConcat(arraySort(groupUniqArray(server_region)), ', ') AS regions,
    formatReadableSize(sum(bytes_to_server)) AS uploaded,
    formatReadableSize(sum(bytes_to_client)) AS downloaded,
    sum(connections_established) AS connections,
    concat(
        toString(round(100 * (sum(bytes_to_server) + sum(bytes_to_client))
            / greatest(sum(sum(bytes_to_server) + sum(bytes_to_client)) OVER (), 1), 1)),
        ' %'
    ) AS share
FROM edges_summed(since = now() - toIntervalMinute({minutes:UInt32}), until = now())
WHERE server_kind = 'aws_service'
    AND server_service = {service:String}
GROUP BY client, service
ORDER BY sum(bytes_to_server) + sum(bytes_to_client) DESC, client
LIMIT {limit:UInt32}
