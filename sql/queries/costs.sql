-- question: What does the traffic cost, by path, and what do the month's tiers change of it?
-- parameter: months_ago = 0 (0 is the present month, up to now)
-- Rows are priced as if all internet egress were of the first tier that costs; `tiered_usd` is by the
-- month's totals, and `difference_usd` how far the flat estimate is off.
WITH
    toDate(toStartOfMonth(now()) - toIntervalMonth({months_ago:UInt32})) AS this,
    rows AS (
        SELECT
            way,
            toString(if(server_kind = 'internet', client_region, server_region)) AS sender,
            sum(bytes_to_server) + sum(bytes_to_client) AS bytes,
            sumIf(
                if(server_kind = 'internet', bytes_to_server, bytes_to_client),
                path_behind = 'internet'
            ) AS egress,
            sum(unpriced_bytes) AS unpriced,
            toFloat64(sum(cost_usd)) AS usd
        FROM cost_reports
        WHERE rollup = 'flows_1h' AND window >= this AND window < this + INTERVAL 1 MONTH
        GROUP BY ALL
    ),
    months AS (
        SELECT region, difference_usd / bytes AS off FROM internet_months WHERE month = this
    )
SELECT
    arrayJoin([toString(way), 'all']) AS path,
    formatReadableSize(sum(bytes)) AS traffic,
    formatReadableSize(sum(unpriced)) AS without_price,
    round(sum(usd), 6) AS flat_usd,
    round(sum(usd + egress * off), 6) AS tiered_usd,
    round(sum(egress * off), 6) AS difference_usd
FROM rows
LEFT JOIN months ON rows.sender = months.region
GROUP BY path
ORDER BY path = 'all', flat_usd DESC, path
