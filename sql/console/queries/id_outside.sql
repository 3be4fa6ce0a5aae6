concat(kind, ':', if(kind != 'aws_service' AND dns_name != '', dns_name, service))
