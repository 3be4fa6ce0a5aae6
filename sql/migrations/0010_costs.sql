-- What traffic cost, by pairs and paths; what of that could be spared; and months by tiers.

-- What a month's total costs by tiers, where rows carry the price of the first tier that costs.
-- gb: the total in GB of 2^30 bytes; bounds: where each tier ends, in GB, the last one inf;
-- usd: the price per GB within each.
CREATE FUNCTION IF NOT EXISTS flowatlasTiered AS (gb, bounds, usd) -> arraySum(
    (start, end, price) -> greatest(0., least(toFloat64(gb), end) - start) * price,
    arrayPushFront(arrayPopBack(bounds), 0.), bounds, usd
);

CREATE TABLE IF NOT EXISTS internet_tiers
(
    region      LowCardinality(String),
    valid_from  Date,
    bounds      Array(Float64),
    usd         Array(Float64),
    flat_usd    Float64,
    gb          UInt64,
    recorded_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(recorded_at)
ORDER BY (region, valid_from)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'The price book''s monthly tiers of internet egress, as the stream last priced by them; region * is all others. Read it FINAL';

CREATE OR REPLACE VIEW cost_reports AS
SELECT
    rollup, window, cluster, path, path_behind,
    if(path = path_behind, toString(path), concat(toString(path), '>', toString(path_behind))) AS way,
    gateway,
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    client_kind, client_namespace, client_workload, client_zone, client_zone_id, client_region,
    server_kind, server_namespace, server_workload, server_zone, server_zone_id, server_region,
    server_service, server_dns_name,
    sum(bytes_to_server) AS bytes_to_server,
    sum(bytes_to_client) AS bytes_to_client,
    sum(cost_usd) AS cost_usd,
    sum(unpriced_bytes) AS unpriced_bytes
FROM reports
GROUP BY ALL;

CREATE OR REPLACE VIEW costs AS
SELECT toDate(window) AS day, * EXCEPT rollup FROM cost_reports WHERE rollup = 'flows_1h';

-- Each row that costs something which another setup would not, under the one finding that it is of.
-- Codes without an endpoint to put in place of the way there are left out.
CREATE OR REPLACE VIEW avoidable_costs AS
SELECT
    multiIf(
        path = 'cross_zone', 'cross-zone',
        path_behind = 'cross_region', 'cross-region',
        path = 'nat' AND path_behind = 'aws_public' AND upper(server_service) IN ('S3', 'DYNAMODB'),
        'gateway-endpoint',
        path = 'nat' AND path_behind = 'aws_public' AND server_kind = 'aws_service'
            AND upper(server_service) NOT IN (
                '', 'AMAZON', 'EC2', 'EC2_INSTANCE_CONNECT', 'CLOUDFRONT', 'CLOUDFRONT_ORIGIN_FACING',
                'GLOBALACCELERATOR', 'ROUTE53', 'ROUTE53_HEALTHCHECKS'
            ),
        'interface-endpoint',
        path_behind = 'internet' AND server_kind = 'internet', 'internet',
        ''
    ) AS finding,
    *
FROM cost_reports
WHERE finding != '' AND cost_usd > 0;

-- Internet egress by the month (UTC) and region: by the flat price that rows carry, and by tiers,
-- which AWS applies to a month's total. All that is in the tables counts as one bill.
CREATE OR REPLACE VIEW internet_months AS
WITH
    priced AS (SELECT * FROM internet_tiers FINAL),
    sent AS (
        SELECT
            toDate(toStartOfMonth(window)) AS month,
            toString(if(server_kind = 'internet', client_region, server_region)) AS sender,
            if(sender IN (SELECT region FROM priced), sender, '*') AS region,
            sum(if(server_kind = 'internet', bytes_to_server, bytes_to_client)) AS bytes
        FROM cost_reports
        WHERE rollup = 'flows_1h' AND path_behind = 'internet' AND unpriced_bytes = 0
        GROUP BY ALL
    )
SELECT
    month, sender AS region, bytes,
    bytes / gb * flat_usd AS flat_usd,
    flowatlasTiered(bytes / gb, bounds, usd) AS tiered_usd,
    tiered_usd - flat_usd AS difference_usd
FROM sent
ASOF INNER JOIN priced ON sent.region = priced.region AND sent.month >= priced.valid_from;
