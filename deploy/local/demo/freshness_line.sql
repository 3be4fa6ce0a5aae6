-- How soon after an interval's end its rows answered queries, over all nodes, and its mark.
SELECT if(count() = 0, 'freshness: no batch came', concat(
    'freshness: an interval is queryable ',
    toString(round(quantileExact(0.5)(seconds), 1)), ' s (p50) and ',
    toString(round(quantileExact(0.99)(seconds), 1)), ' s (p99) after its end; at most ',
    toString({interval:Float64} + 3), ' s wanted: ',
    if(quantileExact(0.99)(seconds) <= {interval:Float64} + 3, 'kept', 'MISSED')
))
FROM (
    SELECT dateDiff('millisecond', newest, inserted_at) / 1000 AS seconds
    FROM agent_ledger
    WHERE stream_rows > 0 AND toUnixTimestamp64Milli(newest) > 0
)
