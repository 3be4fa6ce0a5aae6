SELECT
    if({ends:String} = 'pod', 60, flowatlasSeconds(flowatlasLevel({read_since:DateTime}, {until:DateTime}))) AS seconds,
    toUnixTimestamp(minOrNull(window)) AS first
FROM edges_between(since = {read_since:DateTime}, until = {until:DateTime})
WHERE window >= flowatlasWindow({since:DateTime}, flowatlasLevel({read_since:DateTime}, {until:DateTime}))
