-- Numbers of some agents' batches that are in the tables, as first and last of each unbroken run.
SELECT node, agent, min(sequence) AS first, max(sequence) AS last
FROM
(
    SELECT
        node, agent, sequence,
        toInt64(sequence) - row_number() OVER (PARTITION BY node, agent ORDER BY sequence) AS run
    FROM
    (
        SELECT DISTINCT node, agent, sequence
        FROM agent_ledger
        WHERE cluster = {cluster:String} AND node IN {nodes:Array(String)}
            AND agent IN {agents:Array(String)}
    )
)
GROUP BY node, agent, run
ORDER BY node, agent, first
