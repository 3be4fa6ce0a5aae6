(
        SELECT
            $columns
        FROM {relation:Identifier}
        WHERE window >= {first_window:DateTime} AND window < {until:DateTime}
            AND $scope
        UNION ALL
        SELECT
            $columns
        FROM unclaimed
        WHERE seconds = {level_seconds:UInt32}
            AND window >= {first_window:DateTime} AND window < {until:DateTime}
            AND $silent
            AND $scope
    )
