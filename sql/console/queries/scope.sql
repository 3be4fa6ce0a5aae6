({cluster:String} = '' OR cluster = {cluster:String})
    AND (empty({namespaces:Array(String)}) OR client_namespace IN {namespaces:Array(String)} OR server_namespace IN {namespaces:Array(String)})
    AND (empty({kinds:Array(String)}) OR toString(client_kind) IN {kinds:Array(String)} OR toString(server_kind) IN {kinds:Array(String)})
    AND (empty({zones:Array(String)}) OR client_zone IN {zones:Array(String)} OR server_zone IN {zones:Array(String)})
    AND (empty({paths:Array(String)}) OR toString(path) IN {paths:Array(String)})
    AND arrayAll(
        (key, value) -> client_labels[key] = value OR server_labels[key] = value,
        {label_keys:Array(String)}, {label_values:Array(String)}
    )
    AND ({search:String} = '' OR positionCaseInsensitive(concat(
        $place, flowatlasName(client_kind, client_namespace, client_workload, client_service), ' ', client_dns_name, ' ',
        $place, flowatlasName(server_kind, server_namespace, server_workload, server_service), ' ', server_dns_name
    ), {search:String}) > 0)
