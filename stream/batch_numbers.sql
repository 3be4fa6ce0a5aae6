-- Numbers of an agent's batches that are in the tables, as first and last of each unbroken run.
SELECT min(sequence) AS first, max(sequence) AS last
FROM
(
    SELECT sequence, toInt64(sequence) - row_number() OVER (ORDER BY sequence) AS run
    FROM
    (
        SELECT DISTINCT sequence
        FROM agent_ledger
        WHERE cluster = {cluster:String} AND node = {node:String} AND agent = {agent:String}
    )
)
GROUP BY run
ORDER BY first
