$edges
FROM $folded AS seen
GROUP BY client, server
ORDER BY bytes_to_server + bytes_to_client DESC, client, server
