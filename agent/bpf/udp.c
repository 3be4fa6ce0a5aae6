// Counting a UDP socket: one peer at a time.

// By who sent first, where the socket's first packet was seen: what a socket is to its first peer it
// is to all. Else the lower port serves. On equal ports (gossip, NTP peers) the lower address does:
// that gives the same answer at both ends.
static __always_inline void set_udp_role(struct socket *s) {
    struct flow *f = &s->flow;
    f->flags = 0;
    if (f->local_port != f->remote_port) {
        f->role = f->local_port < f->remote_port ? ROLE_SERVER : ROLE_CLIENT;
        if (s->flags & BORN_SEEN) {
            f->role = s->first_role;
            f->flags = ROLE_CERTAIN;
        }
        return;
    }
    bool decided = false;
    f->role = ROLE_CLIENT;
#pragma unroll
    for (int word = 0; word < 4; word++) {
        u32 local = bpf_ntohl(f->local_address[word]);
        u32 remote = bpf_ntohl(f->remote_address[word]);
        if (!decided && local != remote) {
            f->role = local < remote ? ROLE_SERVER : ROLE_CLIENT;
            decided = true;
        }
    }
}

struct datagram {
    struct endpoints ends;
    u32 payload;
    u32 count;
};

static __always_inline bool read_datagram(struct __sk_buff *skb, struct datagram *d, bool egress) {
    u32 offset = transport_offset(skb, IPPROTO_UDP);
    if (!offset || !read_endpoints(skb, offset, egress, &d->ends))
        return false;
    d->payload = skb->len - offset - 8;
    d->count = skb->gso_segs ? skb->gso_segs : 1;
    return true;
}

static __always_inline bool same_peer(struct flow *f, struct endpoints *e) {
    u64 *a = (u64 *)f->local_address;
    u64 *b = (u64 *)e->local_address;
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] &&
           f->local_port == e->local_port && f->remote_port == e->remote_port;
}

static __always_inline void count_datagram(struct flow *f, struct datagram *d, bool egress) {
    if (egress) {
        f->bytes_sent += d->payload;
        f->packets_sent += d->count;
    } else {
        f->bytes_received += d->payload;
        f->packets_received += d->count;
    }
}

// A socket that turns to another peer sends off what it had with the one before.
static __always_inline void switch_peer(struct socket *s, struct endpoints *e, bool egress) {
    if (!s->first_role)
        s->first_role = egress ? ROLE_CLIENT : ROLE_SERVER;
    clear_measures(&s->flow);
    set_endpoints(&s->flow, e, IPPROTO_UDP);
    set_udp_role(s);
}

static __always_inline void on_udp(struct __sk_buff *skb, struct bpf_sock *sk, bool egress) {
    struct datagram d = {};
    u64 now = bpf_ktime_get_ns();
    if (!read_datagram(skb, &d, egress))
        return;
    if (CAPTURE_ANSWERS && !egress && d.ends.remote_port == DNS_PORT)
        capture_answer(skb, sk, d.ends.local_address, d.payload, now);
    struct socket *s = new_socket(sk);
    if (!s)
        return;
    if (!s->flow.cgroup_id)
        s->flow.cgroup_id = bpf_sk_cgroup_id(sk);
    emit_if_due(s, now);

    bpf_spin_lock(&s->lock);
    bool same = same_peer(&s->flow, &d.ends);
    if (same) {
        touch(s, now);
        count_datagram(&s->flow, &d, egress);
    }
    bpf_spin_unlock(&s->lock);
    if (same)
        return;

    struct flow *record = events.ringbuf_reserve(sizeof(struct flow));
    u64 lost_since = 0;
    u64 lost_bytes = 0;
    bpf_spin_lock(&s->lock);
    if (record)
        record->since_ns = 0;
    if (!same_peer(&s->flow, &d.ends)) { // asked again: the lock was free for a moment
        if (record) {
            __builtin_memcpy(record, &s->flow, sizeof(struct flow));
        } else {
            lost_since = s->flow.since_ns;
            lost_bytes = s->flow.bytes_sent + s->flow.bytes_received;
        }
        switch_peer(s, &d.ends, egress);
    }
    touch(s, now);
    count_datagram(&s->flow, &d, egress);
    bpf_spin_unlock(&s->lock);
    if (record)
        submit(record, now);
    else if (lost_since)
        count_lost(lost_bytes);
}
