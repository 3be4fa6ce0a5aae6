-- How the range that starts at an offset was recorded: by whoever came first.
SELECT argMin((last_offset, dead_offsets), recorded_at) AS range, range.1, range.2
FROM offset_ranges
WHERE consumer_group = {group:String} AND topic = {topic:String} AND partition = {partition:UInt32}
  AND first_offset = {first:UInt64}
