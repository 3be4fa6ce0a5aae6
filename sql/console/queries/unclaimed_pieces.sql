UNION ALL
    SELECT flowatlasSeconds(rollup) AS seconds, * EXCEPT rollup, $no_pods
    FROM unclaimed_between(since = {first:DateTime}, until = {until:DateTime})
    WHERE window >= {first:DateTime} AND window < {until:DateTime}
        AND rollup = if(window >= {hours:DateTime} AND window < {hours_end:DateTime}, 'flows_1h', 'flows_1m')
