-- The accounts of each node's agents. They are kept for good, so they are the same since any origin.
SELECT
    origin,
    (cluster, node) AS key,
    sum(kernel_bytes + lost_bytes), sum(lost_bytes), sum(dropped_bytes), sum(stream_bytes),
    sum(batches), sum(missing_batches)
FROM
(
    SELECT
        cluster, node,
        max(kernel_bytes) AS kernel_bytes, max(lost_bytes) AS lost_bytes,
        max(dropped_bytes) AS dropped_bytes, sum(stream_bytes) AS stream_bytes,
        sum(totals.batches) AS batches,
        toUInt64(greatest(max(last_sequence) + 1 - batches, 0)) AS missing_batches
    FROM agent_totals AS totals
    GROUP BY cluster, node, agent
)
ARRAY JOIN {origins:Array(UInt32)} AS origin
GROUP BY origin, key
