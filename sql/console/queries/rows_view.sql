(
    SELECT *, $no_pods
    FROM edges_summed(since = {since:DateTime}, until = {until:DateTime})
)
