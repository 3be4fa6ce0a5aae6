(
        SELECT
            $columns
        FROM conversations
        WHERE window >= toStartOfMinute({since:DateTime}) AND window < {until:DateTime}
            AND $scope
    )
