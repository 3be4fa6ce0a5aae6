(
    SELECT {level_seconds:UInt32} AS seconds, * EXCEPT flow_rows, $no_pods
    FROM {relation:Identifier}
    WHERE window >= {first_window:DateTime} AND window < {until:DateTime}
    UNION ALL
    SELECT *, $no_pods
    FROM still_unclaimed(since = {since:DateTime}, until = {until:DateTime})
    WHERE seconds = {level_seconds:UInt32}
        AND window >= {first_window:DateTime} AND window < {until:DateTime}
)
