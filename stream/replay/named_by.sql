-- Rows of the period in which a file told what an end is.
WITH if({source:String} = 'ip-ranges', ['ip_ranges'], ['pod_uid', 'pod_ip', 'cluster_ip', 'conntrack']) AS told
SELECT count()
FROM flows_1h
WHERE cluster = {cluster:String} AND window >= {begin:DateTime('UTC')} AND window < {end:DateTime('UTC')}
    AND if(
        {source:String} = 'network', gateway != '',
        has(told, client_method) OR has(told, server_method)
    )
