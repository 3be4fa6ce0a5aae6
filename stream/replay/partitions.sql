-- The partitions of a table that hold something of the period.
SELECT DISTINCT _partition_id
FROM {table:Identifier}
WHERE cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')}
