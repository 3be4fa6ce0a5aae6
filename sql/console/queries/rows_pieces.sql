(
    SELECT 60 AS seconds, * EXCEPT flow_rows, $no_pods
    FROM workloads_1m
    WHERE window >= {first:DateTime} AND window < {until:DateTime}
        AND NOT (window >= {tens:DateTime} AND window < {tens_end:DateTime})
    UNION ALL
    SELECT 600 AS seconds, * EXCEPT flow_rows, $no_pods
    FROM workloads_10m
    WHERE window >= {tens:DateTime} AND window < {tens_end:DateTime}
        AND NOT (window >= {hours:DateTime} AND window < {hours_end:DateTime})
    UNION ALL
    SELECT 3600 AS seconds, * EXCEPT flow_rows, $no_pods
    FROM workloads_1h
    WHERE window >= {hours:DateTime} AND window < {hours_end:DateTime}
    UNION ALL
    SELECT *, $no_pods
    FROM still_unclaimed(since = {since:DateTime}, until = {until:DateTime})
    WHERE seconds = 60 AND window >= {first:DateTime} AND window < {until:DateTime}
        AND NOT (window >= {hours:DateTime} AND window < {hours_end:DateTime})
        OR seconds = 3600 AND window >= {hours:DateTime} AND window < {hours_end:DateTime}
)
