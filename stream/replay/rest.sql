-- What a partition holds besides the period, which must not change.
SELECT sum(flow_rows), sum({out:Identifier}), sum({back:Identifier})
FROM {table:Identifier}
WHERE _partition_id = {partition:String}
    AND NOT (cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')})
