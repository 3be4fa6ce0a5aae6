-- The way of all nodes' bytes and records in one line.
SELECT concat(
    'coverage: ', toString(sum(kernel_bytes)), ' bytes in kernel, ',
    toString(sum(agent_bytes)), ' in agent, ',
    toString(sum(stream_bytes)), ' in stream, ',
    toString(sum(table_bytes)), ' in tables; ',
    toString(sum(kernel_records)), ' records in kernel, ',
    toString(sum(agent_records)), ' in agent, made into ',
    toString(sum(shipped_rows)), ' rows, ',
    toString(sum(stream_rows)), ' in stream, ',
    toString(sum(table_rows)), ' in tables; ',
    toString(sum(lost_records)), ' lost: ',
    if(min(records_equal AND bytes_equal) AND sum(lost_records) = 0, 'all equal', 'NOT equal')
)
FROM coverage
