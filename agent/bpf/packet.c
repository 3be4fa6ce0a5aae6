// Reading headers out of an skb whose data starts at the network header.

static __always_inline void map_address(u32 *to, u32 ip4) {
    to[0] = 0;
    to[1] = 0;
    to[2] = bpf_htonl(0xffff);
    to[3] = ip4;
}

// Offset of the transport header, network header first; 0 when it is not `protocol`.
static __always_inline u32 transport_offset(struct __sk_buff *skb, u8 protocol) {
    u8 first = 0;
    u8 next = 0;
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        if (bpf_skb_load_bytes(skb, 0, &first, 1))
            return 0;
        return (first & 0x0f) * 4;
    }
    if (bpf_skb_load_bytes(skb, 6, &next, 1))
        return 0;
    if (next == protocol)
        return 40;
    if (next != HEADER_HOP_BY_HOP) // the jumbo header of BIG TCP (RFC 2675)
        return 0;
    if (bpf_skb_load_bytes(skb, 40, &next, 1) || next != protocol)
        return 0;
    return 48;
}

// Addresses and ports as the local socket sees them.
struct endpoints {
    u32 local_address[4];
    u32 remote_address[4];
    u16 local_port;
    u16 remote_port;
};

static __always_inline bool read_endpoints(struct __sk_buff *skb, u32 offset, bool egress,
                                           struct endpoints *e) {
    u32 addresses[8] = {};
    u16 ports[2];
    if (bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
        return false;
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        u32 pair[2];
        if (bpf_skb_load_bytes(skb, 12, pair, sizeof(pair)))
            return false;
        map_address(addresses, pair[0]);
        map_address(addresses + 4, pair[1]);
    } else if (bpf_skb_load_bytes(skb, 8, addresses, sizeof(addresses))) {
        return false;
    }
    __builtin_memcpy(egress ? e->local_address : e->remote_address, addresses, 16);
    __builtin_memcpy(egress ? e->remote_address : e->local_address, addresses + 4, 16);
    e->local_port = bpf_ntohs(egress ? ports[0] : ports[1]);
    e->remote_port = bpf_ntohs(egress ? ports[1] : ports[0]);
    return true;
}

static __always_inline void set_endpoints(struct flow *f, struct endpoints *e, u8 protocol) {
    __builtin_memcpy(f->local_address, e->local_address, 32);
    f->local_port = e->local_port;
    f->remote_port = e->remote_port;
    f->protocol = protocol;
}
