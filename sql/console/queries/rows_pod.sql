(
    SELECT *, 60 AS seconds
    FROM conversations
    WHERE window >= toStartOfMinute({since:DateTime}) AND window < {until:DateTime}
)
