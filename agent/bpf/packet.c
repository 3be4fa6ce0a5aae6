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
