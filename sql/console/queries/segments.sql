if(protocol = 'TCP', packets_to_server + packets_to_client, 0)
