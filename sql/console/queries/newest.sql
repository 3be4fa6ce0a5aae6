SELECT nullIf(toUnixTimestamp(greatest(
    (SELECT max(window) FROM flows_10s), (SELECT max(window) FROM flows_1h)
)), 0) AS newest
