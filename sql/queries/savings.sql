-- question: What is to be changed to spend less, by dollars a month?
-- format: Vertical
-- parameter: minutes = 1440 (how far back to look)
-- parameter: limit = 20 (findings to show, the dearest first)
-- parameter: least = 1 (dollars a month below which nothing is shown)
-- parameter: allow =  (by commas: workloads as namespace/name and domains whose internet traffic is wanted)
-- parameter: endpoint_gb_usd = 0.01 (what an interface endpoint costs a GB)
-- parameter: endpoint_hour_usd = 0.01 (what it costs an hour in each zone)
-- A month is 730 hours of what was seen on average between the first and the last window looked at.
-- That is what the traffic costs now: what of it is spared hangs on how far the change reaches.
WITH
    if({minutes:UInt32} > 2880, 'flows_1h', 'flows_1m') AS level,
    if({minutes:UInt32} > 2880, 60, 1) AS step,
    now() - toIntervalMinute({minutes:UInt32}) AS since,
    x -> concat('\'', replaceAll(toString(x), '\'', '\'\''), '\'') AS quoted,
    splitByChar(',', replaceAll({allow:String}, ' ', '')) AS allowed,
    (
        SELECT (min(window), dateDiff('minute', min(window), max(window)) + step)
        FROM cost_reports
        WHERE rollup = level AND window >= since
    ) AS looked,
    looked.1 AS first,
    looked.2 AS span,
    homes AS (
        SELECT cluster, server AS target, groupUniqArray(toString(server_zone)) AS zones
        FROM cost_reports
        WHERE rollup = level AND window >= since AND server_zone != ''
        GROUP BY cluster, target
    ),
    found AS (
        SELECT
            finding, cluster,
            if(endsWith(finding, 'endpoint'), '', client) AS source,
            multiIf(
                endsWith(finding, 'endpoint'), toString(server_service),
                finding = 'internet' AND server_dns_name != '', toString(server_dns_name),
                finding = 'internet', 'the internet',
                server
            ) AS target,
            toString(if(finding = 'cross-region', server_region, '')) AS region,
            toFloat64(sum(cost_usd)) AS usd,
            sum(bytes_to_server) + sum(bytes_to_client) AS bytes,
            anyIf(toString(server_service), server_kind != 'aws_service') AS kubernetes_service,
            groupUniqArrayIf(toString(client_zone), client_zone != '') AS client_zones,
            arrayStringConcat(
                topKWeighted(3)(client, toUInt64(toFloat64(cost_usd) * 1e9) + 1), ', '
            ) AS clients,
            arrayStringConcat(arraySort(groupUniqArrayIf(toString(gateway), gateway != '')), ', ') AS gateways
        FROM avoidable_costs
        WHERE rollup = level AND window >= since
            AND NOT (
                finding = 'internet'
                AND arrayExists(
                    a -> a != '' AND (
                        client = a OR server_dns_name = a OR endsWith(server_dns_name, concat('.', a))
                    ),
                    allowed
                )
            )
        GROUP BY ALL
    ),
    ranked AS (
        SELECT
            *,
            43800 / span AS months,
            hasAny(client_zones, zones) AS is_near,
            usd * months AS spent,
            if(
                finding = 'interface-endpoint',
                spent - bytes / exp2(30) * months * {endpoint_gb_usd:Float64}
                    - 730 * greatest(length(client_zones), 1) * {endpoint_hour_usd:Float64},
                spent
            ) AS upto
        FROM found
        LEFT JOIN homes USING (cluster, target)
    )
SELECT
    round(upto, 2) AS usd_a_month, finding,
    multiIf(
        finding = 'cross-zone' AND is_near AND kubernetes_service != '',
        concat(
            source, ' talks to ', target, ' in other zones, which runs in its own zone too: set ',
            'trafficDistribution: PreferClose on Service ', kubernetes_service
        ),
        finding = 'cross-zone',
        concat(
            source, ' talks to ', target, ' across zones: run both in one zone, or ', target, ' in ',
            arrayStringConcat(arraySort(client_zones), ' and '), ' as well'
        ),
        finding = 'gateway-endpoint',
        concat(
            clients, ' go to ', target, ' through ', gateways, ': put a gateway endpoint for it into ',
            'their route tables, which costs nothing'
        ),
        finding = 'interface-endpoint',
        concat(
            clients, ' go to ', target, ' through ', gateways, ': an interface endpoint in ',
            toString(greatest(length(client_zones), 1)), ' zones costs less, its own price taken off'
        ),
        finding = 'cross-region',
        concat(
            source, ' talks to ', target, ' in ', region, ': use one in its own region, or keep a copy there'
        ),
        concat(
            source, ' talks to ', target, if(gateways != '', concat(' through ', gateways), ''),
            ': if that is wanted, allow it (allow=', if(target = 'the internet', source, target),
            '), else stop it'
        )
    ) AS change,
    concat(
        toString(round(usd, 6)), ' USD and ', formatReadableSize(bytes), ' in ',
        if(span < 180, concat(toString(span), ' min'), concat(toString(round(span / 60, 1)), ' h'))
    ) AS seen,
    concat(
        'SELECT * FROM costs WHERE window >= ',
        quoted(toStartOfHour(first)), ' AND cluster = ', quoted(cluster),
        multiIf(
            finding = 'cross-zone', ' AND path = \'cross_zone\'',
            finding = 'cross-region', concat(' AND path_behind = \'cross_region\' AND server_region = ', quoted(region)),
            finding = 'internet', ' AND path_behind = \'internet\'',
            ' AND path = \'nat\' AND path_behind = \'aws_public\''
        ),
        if(source != '', concat(' AND client = ', quoted(source)), ''),
        multiIf(
            endsWith(finding, 'endpoint'), concat(' AND server_service = ', quoted(target)),
            finding = 'internet' AND target != 'the internet', concat(' AND server_dns_name = ', quoted(target)),
            finding = 'internet', ' AND server_kind = \'internet\' AND server_dns_name = \'\'',
            concat(' AND server = ', quoted(target))
        ),
        ' ORDER BY cost_usd DESC'
    ) AS evidence
FROM ranked
WHERE upto >= {least:Float64}
ORDER BY upto DESC, finding, source, target
LIMIT {limit:UInt32}
