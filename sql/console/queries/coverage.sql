SELECT
    cluster, node, covered, kernel_bytes, table_bytes, lost_bytes, dropped_bytes, missing_batches,
    repeated_batches,
    multiIf(
        records_equal AND bytes_equal AND lost_records = 0, 'all equal',
        accounted, 'lost, and accounted for',
        'on its way, or lost'
    ) AS verdict
FROM coverage
ORDER BY covered, cluster, node
