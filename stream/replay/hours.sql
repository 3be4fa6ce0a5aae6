-- What a table holds of the period, by the hour: what must be equal before and after.
SELECT
    toStartOfHour(window) AS hour,
    sum(flow_rows),
    sum({out:Identifier}),
    sum({back:Identifier})
FROM {table:Identifier}
WHERE cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')}
GROUP BY hour
ORDER BY hour
