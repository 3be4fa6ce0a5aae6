-- What a partition holds besides the period, which must not change.
SELECT sum(flow_rows), sum(bytes_to_server), sum(bytes_to_client)
FROM {table:Identifier}
WHERE _partition_id = {partition:String}
    AND NOT (cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')})
