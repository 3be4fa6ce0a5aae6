SELECT
    multiIf(was.packets + was.connections = 0, 'new', is.packets + is.connections = 0, 'vanished', 'grown') AS change,
    client, server, port, protocol,
    is.bytes AS bytes, was.bytes AS bytes_before, is.connections AS connections, first_seen
FROM
(
    SELECT
        client, server, server_port AS port, toString(protocol) AS protocol,
        (
            sumIf(bytes_to_server + bytes_to_client, window >= {middle:DateTime}),
            sumIf(packets_to_server + packets_to_client, window >= {middle:DateTime}),
            sumIf(connections_attempted, window >= {middle:DateTime})
        )::Tuple(bytes UInt64, packets UInt64, connections UInt64) AS is,
        (
            sumIf(bytes_to_server + bytes_to_client, window < {middle:DateTime}),
            sumIf(packets_to_server + packets_to_client, window < {middle:DateTime}),
            sumIf(connections_attempted, window < {middle:DateTime})
        )::Tuple(bytes UInt64, packets UInt64, connections UInt64) AS was,
        toUnixTimestamp(minIf(window, window >= {middle:DateTime})) AS first_seen
    FROM $ends AS seen
    GROUP BY client, server, port, protocol
)
WHERE (is.packets + is.connections = 0) != (was.packets + was.connections = 0)
    OR is.bytes >= 2 * was.bytes AND is.bytes >= was.bytes + 1048576
ORDER BY bytes DESC, client, server, port, protocol
