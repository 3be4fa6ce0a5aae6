SELECT
    intDiv(toUnixTimestamp(seen.window), {step:UInt32}) * {step:UInt32} AS time,
    $measures
FROM $ends AS seen
WHERE $panel
GROUP BY time
