-- Groups that inserted into these tables a moment ago, besides the one that is being replayed.
SELECT DISTINCT consumer_group
FROM offset_ranges
WHERE consumer_group != {group:String} AND recorded_at > now() - {seconds:UInt32}
ORDER BY consumer_group
