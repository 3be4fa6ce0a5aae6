-- How the range that starts at an offset was recorded: by whoever came first.
SELECT argMin(last_offset, recorded_at)
FROM offset_ranges
WHERE consumer_group = {group:String} AND topic = {topic:String} AND partition = {partition:UInt32}
  AND first_offset = {first:UInt64}
