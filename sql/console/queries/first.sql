SELECT
    if({ends:String} = 'pod', 60, flowatlasSeconds(flowatlasLevel({since:DateTime}, {until:DateTime}))) AS seconds,
    toUnixTimestamp(minOrNull(window)) AS first
FROM edges_between(since = {since:DateTime}, until = {until:DateTime})
