// Tracepoints. Where their fields lie differs from kernel to kernel: agent/tracing.py reads it from
// the running one and defines an offset for each field. What a kernel does not have is left out.

#define FIELD(ctx, type, offset) (*(type *)((void *)(ctx) + (offset)))

static __always_inline void trace_endpoints(void *local, void *remote, struct endpoints *e) {
    bpf_probe_read_kernel(e->local_address, 16, local);
    bpf_probe_read_kernel(e->remote_address, 16, remote);
}

#ifdef SOCKET_ERROR
// The error that ended a connection attempt, for the socket's account (include/trace/events/sock.h).
int on_socket_error(void *ctx) {
    struct endpoints ends = {};
    s32 error = FIELD(ctx, s32, SOCKET_ERROR_ERROR);
    if (FIELD(ctx, u16, SOCKET_ERROR_PROTOCOL) != IPPROTO_TCP)
        return 0;
    trace_endpoints(ctx + SOCKET_ERROR_SADDR_V6, ctx + SOCKET_ERROR_DADDR_V6, &ends);
    ends.local_port = FIELD(ctx, u16, SOCKET_ERROR_SPORT);
    ends.remote_port = FIELD(ctx, u16, SOCKET_ERROR_DPORT);
    socket_errors.update(&ends, &error);
    return 0;
}
#endif

#ifdef DATAGRAM_REFUSED
// A datagram that found its socket's receive buffer full (include/trace/events/udp.h). Its addresses
// are struct sockaddr_in or sockaddr_in6: the sender's is `saddr`.
int on_datagram_refused(void *ctx) {
    struct incident_key key = {.protocol = IPPROTO_UDP, .kind = DATAGRAM_ERROR};
    if (FIELD(ctx, u16, DATAGRAM_REFUSED_FAMILY) == FAMILY_INET) {
        u32 source = 0;
        u32 target = 0;
        bpf_probe_read_kernel(&source, 4, ctx + DATAGRAM_REFUSED_SADDR + 4);
        bpf_probe_read_kernel(&target, 4, ctx + DATAGRAM_REFUSED_DADDR + 4);
        map_address(key.ends.remote_address, source);
        map_address(key.ends.local_address, target);
    } else {
        trace_endpoints(ctx + DATAGRAM_REFUSED_DADDR + 8, ctx + DATAGRAM_REFUSED_SADDR + 8,
                        &key.ends);
    }
    key.ends.local_port = FIELD(ctx, u16, DATAGRAM_REFUSED_DPORT);
    key.ends.remote_port = FIELD(ctx, u16, DATAGRAM_REFUSED_SPORT);
    count_incident(&key, bpf_ktime_get_ns());
    return 0;
}
#endif

#ifdef PACKET_DROPPED
// A packet that the kernel dropped, and why (include/trace/events/skb.h, net/dropreason-core.h). The
// offsets within the skb come from the running kernel's BTF.
int on_packet_dropped(void *ctx) {
    struct incident_key key = {.kind = DROP};
    key.reason = FIELD(ctx, u32, PACKET_DROPPED_REASON);
    if (key.reason == NO_LOSS)
        return 0;
    u16 network = 0;
    u8 *head = 0;
    u8 *skb = FIELD(ctx, u8 *, PACKET_DROPPED_SKBADDR);
    u16 protocol = FIELD(ctx, u16, PACKET_DROPPED_PROTOCOL);
    bpf_probe_read_kernel(&head, sizeof(head), skb + SKB_HEAD);
    bpf_probe_read_kernel(&network, sizeof(network), skb + SKB_NETWORK_HEADER);
    u8 *ip = head + network;
    u8 *transport = ip + 40;
    if (protocol == ETH_P_IP) {
        u32 pair[2] = {};
        u8 first = 0;
        bpf_probe_read_kernel(&first, 1, ip);
        bpf_probe_read_kernel(&key.protocol, 1, ip + 9);
        bpf_probe_read_kernel(pair, sizeof(pair), ip + 12);
        map_address(key.ends.remote_address, pair[0]);
        map_address(key.ends.local_address, pair[1]);
        transport = ip + (first & 0x0f) * 4;
    } else if (protocol == ETH_P_IPV6) {
        bpf_probe_read_kernel(&key.protocol, 1, ip + 6);
        trace_endpoints(ip + 24, ip + 8, &key.ends);
    }
    if (key.protocol != IPPROTO_TCP && key.protocol != IPPROTO_UDP)
        return 0;
    u16 ports[2] = {};
    bpf_probe_read_kernel(ports, sizeof(ports), transport);
    key.ends.remote_port = bpf_ntohs(ports[0]);
    key.ends.local_port = bpf_ntohs(ports[1]);
    count_incident(&key, bpf_ktime_get_ns());
    return 0;
}
#endif
