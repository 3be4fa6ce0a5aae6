if(
        {end:String} = '',
        client_kind IN {client_kinds:Array(String)} AND client_namespace IN {client_namespaces:Array(String)}
            AND server_kind IN {server_kinds:Array(String)} AND server_namespace IN {server_namespaces:Array(String)}
            AND client = {client:String} AND server = {server:String},
        client_kind IN {client_kinds:Array(String)} AND client_namespace IN {client_namespaces:Array(String)} AND client = {end:String}
            OR server_kind IN {server_kinds:Array(String)} AND server_namespace IN {server_namespaces:Array(String)} AND server = {end:String}
    )
