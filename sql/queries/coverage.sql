-- question: Is every byte that the kernel counted in the tables?
SELECT
    node,
    kernel_records, agent_records, lost_records,
    shipped_rows, dropped_rows, stream_rows, table_rows,
    kernel_bytes, agent_bytes, shipped_bytes, stream_bytes, table_bytes,
    lost_bytes, dropped_bytes, missing_batches, repeated_batches,
    multiIf(
        records_equal AND bytes_equal AND lost_records = 0, 'all equal',
        accounted, 'lost, and accounted for',
        'differs'
    ) AS verdict
FROM coverage
ORDER BY cluster, node
