UNION ALL
    SELECT {level_seconds:UInt32} AS seconds, * EXCEPT rollup, $no_pods
    FROM unclaimed_between(since = {since:DateTime}, until = {until:DateTime})
    WHERE rollup = {level:String}
        AND window >= {first_window:DateTime} AND window < {until:DateTime}
