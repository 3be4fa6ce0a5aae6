-- The range of a partition that a consumer group recorded last.
SELECT first_offset, last_offset, dead_offsets
FROM offset_ranges
WHERE consumer_group = {group:String} AND topic = {topic:String} AND partition = {partition:UInt32}
ORDER BY first_offset DESC
LIMIT 1
