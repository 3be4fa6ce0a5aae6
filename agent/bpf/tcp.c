// Counting a TCP socket from its segments.

// What a packet or callback shows of a TCP socket.
struct tcp_view {
    u64 acked;
    u64 received;
    u32 unacknowledged; // snd_una
    u32 next_received;  // rcv_nxt
    u32 segments_sent;
    u32 segments_received;
    u32 retransmits;
};

static __always_inline void set_tcp_addresses(struct flow *f, struct bpf_sock *sk) {
    if (sk->family == FAMILY_INET) {
        map_address(f->local_address, sk->src_ip4);
        map_address(f->remote_address, sk->dst_ip4);
    } else {
        f->local_address[0] = sk->src_ip6[0];
        f->local_address[1] = sk->src_ip6[1];
        f->local_address[2] = sk->src_ip6[2];
        f->local_address[3] = sk->src_ip6[3];
        f->remote_address[0] = sk->dst_ip6[0];
        f->remote_address[1] = sk->dst_ip6[1];
        f->remote_address[2] = sk->dst_ip6[2];
        f->remote_address[3] = sk->dst_ip6[3];
    }
    f->local_port = sk->src_port;
    f->remote_port = bpf_ntohs(sk->dst_port);
    f->protocol = IPPROTO_TCP;
}

static __always_inline struct tcp_view look(struct bpf_tcp_sock *tp) {
    struct tcp_view view = {
        .acked = tp->bytes_acked,
        .received = tp->bytes_received,
        .unacknowledged = tp->snd_una,
        .next_received = tp->rcv_nxt,
        .segments_sent = tp->segs_out,
        .segments_received = tp->segs_in,
        .retransmits = tp->total_retrans,
    };
    return view;
}

// Application bytes are the kernel's bytes_acked and bytes_received less what is no data: the SYN
// (in sent_base) and each FIN, which take a sequence number of their own (RFC 9293, 3.4).
static __always_inline void count_tcp(struct socket *s, struct tcp_view *view, u64 now) {
    u64 sent = view->acked - s->sent_base;
    u64 received = view->received - s->received_base;
    u32 segments_sent = view->segments_sent - s->segments_sent;
    u32 segments_received = view->segments_received - s->segments_received;
    u32 retransmits = view->retransmits - s->retransmits;

    if (view->acked < s->sent_base) // the SYN is not acknowledged yet
        sent = 0;
    else if (s->flags & FIN_SENT && after(view->unacknowledged, s->fin_sent_sequence))
        sent -= 1;
    if (s->flags & FIN_CONSUMED ||
        (s->flags & FIN_RECEIVED && after(view->next_received, s->fin_received_sequence)))
        received -= 1;

    if ((s64)(sent - s->sent) > 0) {
        s->flow.bytes_sent += sent - s->sent;
        s->sent = sent;
        touch(s, now);
    }
    if ((s64)(received - s->received) > 0) {
        s->flow.bytes_received += received - s->received;
        s->received = received;
        touch(s, now);
    }
    if ((s32)segments_sent > 0) {
        s->flow.packets_sent += segments_sent;
        s->segments_sent = view->segments_sent;
        touch(s, now);
    }
    if ((s32)segments_received > 0) {
        s->flow.packets_received += segments_received;
        s->segments_received = view->segments_received;
        touch(s, now);
    }
    if ((s32)retransmits > 0) {
        s->flow.retransmitted_segments += retransmits;
        s->retransmits = view->retransmits;
    }
}

static __always_inline void sample_rtt(struct socket *s, u32 microseconds) {
    struct distribution *rtt = &s->flow.rtt;
    u32 bucket = 0;
#pragma unroll
    for (u32 step = 1; step < HISTOGRAM_BUCKETS; step++)
        bucket += microseconds >= (1u << (step + 4));
    rtt->sum += microseconds;
    if (!rtt->count || microseconds < rtt->min)
        rtt->min = microseconds;
    if (microseconds > rtt->max)
        rtt->max = microseconds;
    rtt->count += 1;
    if (bucket < HISTOGRAM_BUCKETS)
        rtt->buckets[bucket] += 1;
}

// The ingress hook runs before TCP takes the segment in. What TCP will do with it is foreseen
// (RFC 9293, 3.10.7.4), so that the count is right even if no packet of this socket ever follows.
// Counts only ever grow up to the kernel's own, so a segment that TCP then refuses is made good by
// the data that it accepts in its place.
static __always_inline void foresee(struct tcp_view *view, struct segment *segment, u32 next_sent) {
    u32 end = segment_end(segment);
    view->segments_received += segment->count;
    if (segment->rst)
        return;
    if (segment->ack && after(segment->acknowledged, view->unacknowledged) &&
        !after(segment->acknowledged, next_sent)) {
        view->acked += segment->acknowledged - view->unacknowledged;
        view->unacknowledged = segment->acknowledged;
    }
    if (!after(segment->sequence, view->next_received) && after(end, view->next_received)) {
        view->received += end - view->next_received;
        view->next_received = end;
    }
}

// A socket older than the programs starts at the kernel's counters of now.
static __always_inline void adopt(struct __sk_buff *skb, struct bpf_sock *sk, struct socket *s,
                                  struct bpf_tcp_sock *tp, struct segment *segment, bool egress) {
    struct bpf_sock_tuple tuple = {};
    u32 size = sizeof(tuple.ipv4);
    set_tcp_addresses(&s->flow, sk);
    s->flags = OLDER_THAN_AGENT;
    s->sent_base = tp->bytes_acked;
    s->received_base = tp->bytes_received;
    s->segments_sent = tp->segs_out - (egress ? segment->count : 0);
    s->segments_received = tp->segs_in;
    s->retransmits = tp->total_retrans;
    s->next_sent = tp->snd_nxt;
    if (sk->state == BPF_TCP_FIN_WAIT1 || sk->state == BPF_TCP_CLOSING ||
        sk->state == BPF_TCP_LAST_ACK) {
        s->flags |= FIN_SENT;
        s->fin_sent_sequence = tp->snd_nxt - 1;
    }
    // Who opened it can no longer be seen. A listener on its local port says that it was accepted;
    // without one, the ports must do.
    if (sk->family == FAMILY_INET) {
        tuple.ipv4.saddr = sk->dst_ip4;
        tuple.ipv4.daddr = sk->src_ip4;
        tuple.ipv4.dport = bpf_htons(sk->src_port);
    } else {
        __builtin_memcpy(tuple.ipv6.saddr, s->flow.remote_address, 16);
        __builtin_memcpy(tuple.ipv6.daddr, s->flow.local_address, 16);
        tuple.ipv6.dport = bpf_htons(sk->src_port);
        size = sizeof(tuple.ipv6);
    }
    struct bpf_sock *listener = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
    bool well_known = s->flow.local_port < FIRST_EPHEMERAL_PORT;
    bool from_ephemeral = s->flow.remote_port >= FIRST_EPHEMERAL_PORT;
    s->flow.role = well_known && from_ephemeral ? ROLE_SERVER : ROLE_CLIENT;
    if (listener) {
        if (listener->state == BPF_TCP_LISTEN) {
            s->flow.role = ROLE_SERVER;
            s->flow.flags |= ROLE_CERTAIN;
        }
        bpf_sk_release(listener);
    }
}

// Callbacks do not tell when an older socket ends, so its closing segments do. One that closes
// first turns into a time-wait socket, unseen from here, once its FIN is acknowledged.
static __always_inline void end_older(struct socket *s, struct segment *segment, u32 state) {
    bool fin_acknowledged = s->flags & FIN_SENT && segment->ack &&
                            after(segment->acknowledged, s->fin_sent_sequence);
    bool finished = segment->rst || (state == BPF_TCP_FIN_WAIT2 && segment->fin) ||
                    (fin_acknowledged && (state == BPF_TCP_FIN_WAIT1 || state == BPF_TCP_CLOSING ||
                                          state == BPF_TCP_LAST_ACK));
    if (!finished || s->flags & ENDED)
        return;
    s->flags |= ENDED;
    s->flow.closed += 1;
    s->flow.reset += segment->rst;
}

// What a segment's header alone tells. A window counts once each time that it closes.
static __always_inline void count_header(struct socket *s, struct segment *segment, u32 awaited,
                                         bool egress) {
    u32 shut = egress ? ZERO_WINDOW_SENT : ZERO_WINDOW_RECEIVED;
    if (segment->syn) {
        s->flow.retransmitted_syns += egress && s->flags & SYN_SENT_BEFORE;
        s->flags |= egress ? SYN_SENT_BEFORE : 0;
        return;
    }
    if (segment->window || segment->rst) {
        s->flags &= ~shut;
    } else if (!(s->flags & shut)) {
        s->flags |= shut;
        s->flow.zero_windows_sent += egress;
        s->flow.zero_windows_received += !egress;
    }
    // rcv_nxt stands still while segments wait for the application to release the socket.
    if (!s->frontier || after(awaited, s->frontier))
        s->frontier = awaited;
    if (!egress && segment->payload) {
        if (after(segment->sequence, s->frontier))
            s->flow.out_of_order += segment->count;
        else if (after(segment_end(segment), s->frontier))
            s->frontier = segment_end(segment);
    }
}

static __always_inline void on_tcp(struct __sk_buff *skb, struct bpf_sock *sk, bool egress) {
    struct segment segment = {};
    u64 now = bpf_ktime_get_ns();
    u32 state = sk->state;
    if (state == BPF_TCP_NEW_SYN_RECV || !read_segment(skb, &segment))
        return;
    if (state == BPF_TCP_LISTEN) {
        on_listener(skb, sk, &segment, egress, now);
        return;
    }
    struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);
    if (!tp)
        return;
    struct socket *s = sockets.sk_storage_get(sk, 0, 0);
    if (!s) {
        s = new_socket(sk);
        if (!s)
            return;
        adopt(skb, sk, s, tp, &segment, egress);
    }
    if (!s->flow.cgroup_id)
        s->flow.cgroup_id = bpf_sk_cgroup_id(sk);
    claim(s, now);
    emit_if_due(s, now);

    struct tcp_view view = look(tp);
    u32 awaited = view.next_received;
    u32 smoothed_rtt = tp->srtt_us >> 3;
    bool aborted = state == BPF_TCP_CLOSE; // the state changes before its reset leaves
    bool synchronized = state != BPF_TCP_SYN_SENT && state != BPF_TCP_SYN_RECV;
    bool again = egress && segment.payload && after(tp->snd_nxt, segment.sequence);

    bpf_spin_lock(&s->lock);
    // snd_nxt is still behind while a fast peer's answer arrives in the midst of sending.
    if (egress && (!s->next_sent || after(segment_end(&segment), s->next_sent)))
        s->next_sent = segment_end(&segment);
    else if (!egress && synchronized)
        foresee(&view, &segment, s->next_sent);
    if (segment.fin && egress) {
        s->flags |= FIN_SENT;
        s->fin_sent_sequence = segment.sequence + segment.payload;
    } else if (segment.fin) {
        s->flags |= FIN_RECEIVED;
        s->fin_received_sequence = segment.sequence + segment.payload;
    }
    count_tcp(s, &view, now);
    count_header(s, &segment, awaited, egress);
    if (again)
        s->flow.retransmitted_bytes += segment.payload;
    if (segment.rst) {
        s->flow.resets_sent += egress;
        s->flow.resets_received += !egress;
        s->flow.reset += aborted && !(s->flags & RESET_SEEN);
        s->flags |= RESET_SEEN;
        touch(s, now);
    }
    if (s->flags & OLDER_THAN_AGENT) {
        if (!s->flow.rtt.count && smoothed_rtt)
            sample_rtt(s, smoothed_rtt);
        if (!egress || segment.rst)
            end_older(s, &segment, state);
    }
    bpf_spin_unlock(&s->lock);

    bool closing = state != BPF_TCP_ESTABLISHED || segment.rst || segment.fin;
    if (aborted || (s->flags & OLDER_THAN_AGENT && closing))
        emit(s, now, true);
}
