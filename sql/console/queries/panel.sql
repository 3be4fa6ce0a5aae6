(empty({client_kinds:Array(String)}) OR client_kind IN {client_kinds:Array(String)})
    AND (empty({server_kinds:Array(String)}) OR server_kind IN {server_kinds:Array(String)})
    AND if({end:String} = '', client = {client:String} AND server = {server:String}, client = {end:String} OR server = {end:String})
