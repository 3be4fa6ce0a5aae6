-- question: Who loses packets, and by the kernel's account why?
-- parameter: minutes = 60 (how far back to look)
-- parameter: limit = 20 (losses to show, the greatest first)
-- Reasons are those of the kernel's enum skb_drop_reason; each host's kernel tells its own drops.
WITH by_edge AS (
    SELECT
        flowatlasName(client_kind, client_namespace, client_workload, client_service) AS client,
        flowatlasName(server_kind, server_namespace, server_workload, server_service) AS server,
        concat(toString(server_port), '/', lower(toString(protocol))) AS port,
        sum(packets_to_server) + sum(packets_to_client) AS packets,
        [sumMap(client_drop_reasons), sumMap(server_drop_reasons)] AS reasons
    FROM edges_summed(since = now() - toIntervalMinute({minutes:UInt32}), until = now())
    GROUP BY client, server, port
), by_end AS (
    SELECT [client, server][place] AS lost_by, client, server, port, packets, end_reasons
    FROM by_edge
    ARRAY JOIN reasons AS end_reasons, [1, 2] AS place
)
SELECT
    lost_by,
    client, server, port,
    reason,
    dropped,
    packets AS of_packets,
    transform(
        reason,
        [
            'NO_SOCKET', 'SOCKET_RCVBUFF', 'SOCKET_BACKLOG', 'PROTO_MEM', 'TCP_LISTEN_OVERFLOW',
            'NETFILTER_DROP', 'BPF_CGROUP_EGRESS', 'SOCKET_FILTER', 'TC_INGRESS', 'TC_EGRESS', 'XDP',
            'QDISC_DROP', 'QDISC_OVERLIMIT', 'CPU_BACKLOG', 'FULL_RING',
            'IP_OUTNOROUTES', 'NEIGH_FAILED', 'IP_RPFILTER', 'TCP_CSUM', 'UDP_CSUM', 'IP_CSUM'
        ],
        [
            'nobody listens there (any more)', 'the application reads too slowly',
            'the socket is too busy', 'the kernel has no memory left for sockets',
            'the application accepts too slowly',
            'a firewall rule or network policy', 'a policy in BPF', 'a filter of the application',
            'a filter on the interface', 'a filter on the interface', 'a filter on the interface',
            'the interface''s queue is full', 'the interface''s queue is full',
            'the processor does not keep up', 'the interface does not keep up',
            'no route', 'the next hop does not answer', 'arrived where its sender cannot be',
            'damaged on the way', 'damaged on the way', 'damaged on the way'
        ],
        ''
    ) AS meaning
FROM by_end
ARRAY JOIN mapKeys(end_reasons) AS reason, mapValues(end_reasons) AS dropped
ORDER BY dropped DESC, lost_by, client, server, port, reason
LIMIT {limit:UInt32}
