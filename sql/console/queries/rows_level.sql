(
    SELECT {level_seconds:UInt32} AS seconds, * EXCEPT flow_rows, $no_pods
    FROM {relation:Identifier}
    WHERE window >= {first_window:DateTime} AND window < {until:DateTime}
    $unclaimed_level
)
