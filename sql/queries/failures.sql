-- question: Which connections fail, and how?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (edges to show)
-- What the server alone sees (half_open, overflowed, handshake_reset) is the other side of what its
-- clients call timed out or reset, so the columns are not to be added up. Each repetition of a SYN
-- that finds the accept queue full overflows again.
WITH
    [overflowed, half_open, refused, unreachable, timed_out, handshake_reset, reset] AS counts,
    [
        'the server accepts too slowly: its accept queue is full',
        'the server answers and hears no more: loss on the way back, or a flood of SYNs',
        'nobody listens on that port',
        'no way there: a host or router on the way says so',
        'no answer: a dead host, or a policy that drops',
        'clients give up before the connection stands: impatience, or a probe',
        'an end broke off connections that stood'
    ] AS explanations
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
    flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
    server_port AS port,
    sum(connections_attempted) AS attempted,
    sum(connections_established) AS established,
    sum(connections_refused) AS refused,
    sum(connections_unreachable) AS unreachable,
    sum(connections_timed_out) AS timed_out,
    sum(connections_reset) AS reset,
    sum(connections_handshake_reset) AS handshake_reset,
    sum(connections_half_open) AS half_open,
    sum(listen_overflows) AS overflowed,
    explanations[indexOf(counts, arrayMax(counts))] AS likely
FROM edges_summed(since = now() - toIntervalMinute({minutes:UInt32}), until = now())
GROUP BY client, server, port
HAVING arrayMax(counts) > 0
ORDER BY arraySum(counts) DESC, client, server
LIMIT {limit:UInt32}
