// Handshakes as the called side sees them, from the segments that pass its listeners: the kernel
// keeps no socket for them yet.

#define FIRST_RETRY_NS 1000000000ULL // TCP_TIMEOUT_INIT, include/net/tcp.h

enum handshake_end { HANDSHAKE_RESET, HANDSHAKE_HALF_OPEN, HANDSHAKE_OVERFLOW };

static __always_inline void report_handshake(struct incident_key *key, struct incident *handshake,
                                             u64 now, enum handshake_end end) {
    struct flow *record = incident_record(key, handshake);
    if (!record) {
        count_lost(0);
        return;
    }
    record->role = ROLE_SERVER;
    record->flags = ROLE_CERTAIN;
    record->retransmitted_syns = handshake->count;
    record->retransmitted_segments = handshake->count;
    record->handshake_reset = end == HANDSHAKE_RESET;
    record->half_open = end == HANDSHAKE_HALF_OPEN;
    record->overflow = end == HANDSHAKE_OVERFLOW;
    submit(record, now);
}

static __always_inline void on_listener(struct __sk_buff *skb, struct bpf_sock *sk,
                                        struct segment *segment, bool egress, u64 now) {
    struct incident_key key = {.protocol = IPPROTO_TCP, .kind = HANDSHAKE};
    if (!read_endpoints(skb, segment->offset, egress, &key.ends))
        return;
    struct incident *h = incidents.lookup(&key);
    if (!egress && segment->syn && !segment->ack) {
        if (h && !h->answered) { // it asks again: the first was dropped
            report_handshake(&key, h, now, HANDSHAKE_OVERFLOW);
            h->last_ns = now;
        } else if (!h) {
            struct incident fresh = {
                .since_ns = now,
                .last_ns = now,
                .interval_ns = FIRST_RETRY_NS,
                .cgroup_id = bpf_sk_cgroup_id(sk),
            };
            begin_incident(&key, &fresh);
        }
    } else if (h && egress && segment->syn) {
        h->count += h->answered;
        if (h->answered)
            h->interval_ns = now - h->last_ns;
        h->answered = 1;
        h->last_ns = now;
    } else if (h && !egress && segment->rst) {
        report_handshake(&key, h, now, HANDSHAKE_RESET);
        incidents.delete(&key);
    } else if (h && !egress && segment->ack) {
        h->confirmed = 1;
    }
}

static __always_inline struct incident_key handshake_of(struct flow *f) {
    struct incident_key key = {.protocol = IPPROTO_TCP, .kind = HANDSHAKE};
    __builtin_memcpy(key.ends.local_address, f->local_address, 32);
    key.ends.local_port = f->local_port;
    key.ends.remote_port = f->remote_port;
    return key;
}

// The handshake is complete; what it cost goes to the connection's account.
static __always_inline u32 complete_handshake(struct flow *f) {
    struct incident_key key = handshake_of(f);
    struct incident *h = incidents.lookup(&key);
    if (!h)
        return 0;
    u32 retries = h->count;
    incidents.delete(&key);
    return retries;
}

// No process holds a connection before it is accepted, which may be never, so a walk over files does
// not meet it. The table then tells that it was established, unless its socket claims that first.
static __always_inline bool leave_to_table(struct flow *f, u64 now) {
    struct incident_key key = handshake_of(f);
    struct incident *h = incidents.lookup(&key);
    if (!h)
        return false;
    h->last_ns = now;
    h->established = 1;
    return true;
}

static __always_inline void claim(struct socket *s, u64 now) {
    if (!WALKS_FILES || !(s->flags & UNCLAIMED))
        return;
    struct incident_key key = handshake_of(&s->flow);
    struct incident *h = incidents.lookup(&key);
    u32 retries = h ? h->count : 0;
    bool ours = h && !incidents.delete(&key);
    bpf_spin_lock(&s->lock);
    s->flags &= ~UNCLAIMED;
    if (ours) {
        s->flow.established += 1;
        s->flow.retransmitted_syns += retries;
        touch(s, now);
    }
    bpf_spin_unlock(&s->lock);
}

static __always_inline void report_unclaimed(struct incident_key *key, struct incident *h,
                                             u64 now) {
    struct flow *record = incident_record(key, h);
    if (!record)
        return;
    record->since_ns = h->last_ns;
    record->role = ROLE_SERVER;
    record->flags = ROLE_CERTAIN;
    record->retransmitted_syns = h->count;
    record->established = 1;
    if (incidents.delete(key))
        record->since_ns = 0; // claimed this moment: nothing to submit
    submit(record, now);
}

// The kernel gives up without a word: when twice the latest pause has passed without another
// SYN-ACK, none will come (exponential backoff, RFC 6298, 5.5).
static __always_inline void expire_handshake(struct incident_key *key, struct incident *h,
                                             u64 now) {
    if (h->established) {
        report_unclaimed(key, h, now);
        return;
    }
    u64 pause = h->interval_ns > FIRST_RETRY_NS ? h->interval_ns : FIRST_RETRY_NS;
    if (now - h->last_ns < 2 * pause + FIRST_RETRY_NS)
        return;
    enum handshake_end end =
        h->answered && !h->confirmed ? HANDSHAKE_HALF_OPEN : HANDSHAKE_OVERFLOW;
    report_handshake(key, h, now, end);
    incidents.delete(key);
}
