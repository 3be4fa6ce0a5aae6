WITH
    toDateTime(toStartOfMonth(now('UTC')), 'UTC') AS first,
    now() - INTERVAL 7 DAY AS recent,
    (
        SELECT (sum(flat_usd), sum(tiered_usd)) FROM internet_months WHERE month = toDate(first)
    ) AS internet
SELECT
    toUnixTimestamp(first) AS begins,
    toUnixTimestamp(addMonths(first, 1)) AS ends,
    toUnixTimestamp(now()) AS now,
    toUnixTimestamp(minIf(window, window >= recent)) AS recent_since,
    toFloat64(sumIf(cost_usd, window >= first)) AS so_far_usd,
    toFloat64(sumIf(cost_usd, window >= recent)) AS recent_usd,
    internet.1 AS internet_flat_usd,
    internet.2 AS internet_tiered_usd
FROM edges_1h_since(since = least(first, toStartOfHour(recent)))
