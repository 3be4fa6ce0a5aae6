-- What a table holds of the period, by the hour: what must be equal before and after.
SELECT
    toStartOfHour(window) AS hour,
    sum(flow_rows),
    if({every_report:Bool}, sum(bytes_to_server), 0),
    if({every_report:Bool}, sum(bytes_to_client), 0)
FROM {table:Identifier}
WHERE cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')}
GROUP BY hour
ORDER BY hour
