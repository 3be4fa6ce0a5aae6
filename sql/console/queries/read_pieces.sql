(
        SELECT
            $columns
        FROM workloads_1m
        WHERE window >= {first:DateTime} AND window < {until:DateTime}
            AND NOT (window >= {tens:DateTime} AND window < {tens_end:DateTime})
            AND $scope
        UNION ALL
        SELECT
            $columns
        FROM workloads_10m
        WHERE window >= {tens:DateTime} AND window < {tens_end:DateTime}
            AND NOT (window >= {hours:DateTime} AND window < {hours_end:DateTime})
            AND $scope
        UNION ALL
        SELECT
            $columns
        FROM workloads_1h
        WHERE window >= {hours:DateTime} AND window < {hours_end:DateTime}
            AND $scope
        UNION ALL
        SELECT
            $columns
        FROM unclaimed
        WHERE (
                seconds = 60 AND window >= {first:DateTime} AND window < {until:DateTime}
                    AND NOT (window >= {hours:DateTime} AND window < {hours_end:DateTime})
                OR seconds = 3600 AND window >= {hours:DateTime} AND window < {hours_end:DateTime}
            )
            AND $silent
            AND $scope
    )
