SELECT {level_seconds:UInt32} AS seconds, toUnixTimestamp(minOrNull(window)) AS first
FROM {ends_relation:Identifier}
WHERE window >= {first_window:DateTime} AND window < {until:DateTime}
