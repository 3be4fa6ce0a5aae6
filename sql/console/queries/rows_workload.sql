(
    SELECT
        {level_seconds:UInt32} AS seconds, * EXCEPT rollup,
        '' AS client_pod, '' AS server_pod, '' AS client_node, '' AS server_node
    FROM workload_reports
    WHERE rollup = {level:String} AND window >= {first_window:DateTime} AND window < {until:DateTime}
)
