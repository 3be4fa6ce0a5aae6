$rows_workload
