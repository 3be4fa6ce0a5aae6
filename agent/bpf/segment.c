// A TCP segment as its header shows it.

struct segment {
    u32 sequence;
    u32 acknowledged;
    u32 payload;
    u32 count; // of wire segments in this skb
    u32 offset; // of the TCP header
    u16 window;
    u8 syn;
    u8 fin;
    u8 rst;
    u8 ack;
};

static __always_inline bool after(u32 a, u32 b) { return (s32)(a - b) > 0; }

static __always_inline bool read_segment(struct __sk_buff *skb, struct segment *segment) {
    struct tcphdr header;
    u32 offset = transport_offset(skb, IPPROTO_TCP);
    if (!offset || bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
        return false;
    segment->sequence = bpf_ntohl(header.seq);
    segment->acknowledged = bpf_ntohl(header.ack_seq);
    segment->payload = skb->len - offset - header.doff * 4;
    segment->count = skb->gso_segs ? skb->gso_segs : 1;
    segment->offset = offset;
    segment->window = header.window;
    segment->syn = header.syn;
    segment->fin = header.fin;
    segment->rst = header.rst;
    segment->ack = header.ack;
    return true;
}

static __always_inline u32 segment_end(struct segment *segment) {
    return segment->sequence + segment->payload + segment->fin;
}
