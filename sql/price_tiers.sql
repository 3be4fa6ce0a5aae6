-- What a month's total costs by tiers, where rows carry the price of the first tier that costs.
-- gb: the total in GB of 2^30 bytes; bounds: where each tier ends, in GB, the last one inf;
-- usd: the price per GB within each. 100 GB a month are free over all regions together.
CREATE FUNCTION IF NOT EXISTS flowatlasTiered AS (gb, bounds, usd) -> arraySum(
    (start, end, price) -> greatest(0., least(toFloat64(gb), end) - start) * price,
    arrayPushFront(arrayPopBack(bounds), 0.), bounds, usd
);
