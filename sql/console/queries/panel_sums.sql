SELECT
    count() > 0 AS was_seen,
    mapAdd(sumMap(seen.client_drop_reasons), sumMap(seen.server_drop_reasons)) AS drop_reasons,
    $measures
FROM $ends AS seen
WHERE $panel
