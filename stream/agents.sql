-- Nodes whose agent told of an hour.
SELECT DISTINCT node
FROM agents
WHERE cluster = {cluster:String} AND hour = toDateTime({hour:UInt32}, 'UTC')
