SELECT
    if({ends:String} = 'pod', 60, {level_seconds:UInt32}) AS seconds,
    toUnixTimestamp(minOrNull(window)) AS first
FROM workload_reports
WHERE rollup = {level:String} AND window >= {first_window:DateTime} AND window < {until:DateTime}
