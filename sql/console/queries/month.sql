-- AWS counts its tiers of internet egress over all that an account sends, so what passes the filters has its
-- share of that by bytes.
WITH
    toDateTime(toStartOfMonth(now('UTC')), 'UTC') AS first,
    now() - INTERVAL 7 DAY AS recent,
    (
        SELECT (sum(flat_usd), sum(tiered_usd), sum(bytes)) FROM internet_months WHERE month = toDate(first)
    ) AS internet,
    sumIf(
        if(server_kind = 'internet', bytes_to_server, bytes_to_client),
        path_behind = 'internet' AND unpriced_bytes = 0 AND window >= first
    ) / internet.3 AS share
SELECT
    toUnixTimestamp(first) AS begins,
    toUnixTimestamp(addMonths(first, 1)) AS ends,
    toUnixTimestamp(now()) AS now,
    toUnixTimestamp(minIf(window, window >= recent)) AS recent_since,
    toFloat64(sumIf(cost_usd, window >= first)) AS so_far_usd,
    toFloat64(sumIf(cost_usd, window >= recent)) AS recent_usd,
    if(internet.3 = 0, 0, internet.1 * share) AS internet_flat_usd,
    if(internet.3 = 0, 0, internet.2 * share) AS internet_tiered_usd
FROM edges_1h_since(since = least(first, toStartOfHour(recent)))
WHERE $scope
