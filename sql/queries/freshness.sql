-- question: How long after an interval's end can it be asked about?
-- parameter: minutes = 60 (how far back to look)
WITH delays AS (
    SELECT
        arrayJoin(['all nodes', toString(node)]) AS of,
        dateDiff('millisecond', newest, inserted_at) / 1000 AS seconds
    FROM agent_ledger
    WHERE time >= now() - toIntervalMinute({minutes:UInt32}) AND stream_rows > 0
        AND toUnixTimestamp64Milli(newest) > 0
)
SELECT
    of AS node,
    count() AS batches,
    round(quantileExact(0.5)(seconds), 3) AS p50_seconds,
    round(quantileExact(0.99)(seconds), 3) AS p99_seconds,
    round(max(seconds), 3) AS max_seconds
FROM delays
GROUP BY of
ORDER BY of != 'all nodes', p99_seconds DESC, node
