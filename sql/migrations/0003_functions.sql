-- What the views and queries compute with. ClickHouse keeps functions per server, not per database.

-- The microseconds below which a share `level` (0 to 1) of a histogram's samples lies, NULL without
-- samples. Bucket b holds [2^(b+4), 2^(b+5)) microseconds; within it samples are taken to spread
-- evenly on the logarithmic scale, so the error is below a factor of two, and usually far below.
CREATE FUNCTION IF NOT EXISTS flowatlasQuantile AS (histogram, level) -> if(
    arraySum(mapValues(histogram)) = 0, NULL,
    arrayFold(
        (found, bucket, count) -> if(
            found.2 <= 0, found,
            (exp2(bucket + 4 + least(found.2 / count, 1)), found.2 - toFloat64(count))
        ),
        arraySort(mapKeys(histogram)),
        arrayMap(bucket -> histogram[bucket], arraySort(mapKeys(histogram))),
        (0., toFloat64(level * arraySum(mapValues(histogram))))
    ).1
);

-- Microseconds as people say them.
CREATE FUNCTION IF NOT EXISTS flowatlasDuration AS (microseconds) -> multiIf(
    microseconds IS NULL OR isNaN(microseconds), '-',
    microseconds < 1000, concat(toString(round(microseconds)), ' µs'),
    microseconds < 1000000, concat(toString(round(microseconds / 1000, 1)), ' ms'),
    concat(toString(round(microseconds / 1000000, 2)), ' s')
);

-- What an end of a conversation is called: a workload by its name, what has none by its kind.
CREATE FUNCTION IF NOT EXISTS flowatlasName AS (kind, namespace, workload, service) -> multiIf(
    workload != '' AND namespace != '', concat(namespace, '/', workload),
    workload != '', workload,
    service != '', service,
    kind
);
