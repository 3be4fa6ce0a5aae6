// Handshakes as the called side sees them, from the segments that pass its listeners. The kernel
// keeps no socket for them yet, so they are in a table of their own until they are complete.

#define MOST_HANDSHAKES 65536
#define FIRST_RETRY_NS 1000000000ULL // TCP_TIMEOUT_INIT, include/net/tcp.h

struct handshake {
    u64 last_ns;     // of the SYN, then of the latest SYN-ACK
    u64 interval_ns; // between the latest two
    u64 cgroup_id;
    u32 retries;
    u8 answered;
    u8 confirmed; // the client's ACK came, and yet there is no connection
};

BPF_TABLE("lru_hash", struct endpoints, struct handshake, handshakes, MOST_HANDSHAKES);

enum handshake_end { HANDSHAKE_RESET, HANDSHAKE_HALF_OPEN, HANDSHAKE_OVERFLOW };

static __always_inline void report_handshake(struct endpoints *ends, struct handshake *h, u64 now,
                                             enum handshake_end end) {
    struct flow *record = events.ringbuf_reserve(sizeof(struct flow));
    if (!record) {
        count_lost(0);
        return;
    }
    __builtin_memset(record, 0, sizeof(*record));
    set_endpoints(record, ends, IPPROTO_TCP);
    record->role = ROLE_SERVER;
    record->flags = ROLE_CERTAIN;
    record->cgroup_id = h->cgroup_id;
    record->since_ns = now;
    record->retransmitted_syns = h->retries;
    record->retransmitted_segments = h->retries;
    record->handshake_reset = end == HANDSHAKE_RESET;
    record->half_open = end == HANDSHAKE_HALF_OPEN;
    record->overflow = end == HANDSHAKE_OVERFLOW;
    submit(record, now);
}

static __always_inline void on_listener(struct __sk_buff *skb, struct bpf_sock *sk,
                                        struct segment *segment, bool egress, u64 now) {
    struct endpoints ends = {};
    if (!read_endpoints(skb, segment->offset, egress, &ends))
        return;
    struct handshake *h = handshakes.lookup(&ends);
    if (!egress && segment->syn && !segment->ack) {
        if (h && !h->answered) { // it asks again: the first was dropped
            report_handshake(&ends, h, now, HANDSHAKE_OVERFLOW);
            h->last_ns = now;
        } else if (!h) {
            struct handshake fresh = {
                .last_ns = now,
                .interval_ns = FIRST_RETRY_NS,
                .cgroup_id = bpf_sk_cgroup_id(sk),
            };
            handshakes.update(&ends, &fresh);
        }
    } else if (h && egress && segment->syn) {
        h->retries += h->answered;
        if (h->answered)
            h->interval_ns = now - h->last_ns;
        h->answered = 1;
        h->last_ns = now;
    } else if (h && !egress && segment->rst) {
        report_handshake(&ends, h, now, HANDSHAKE_RESET);
        handshakes.delete(&ends);
    } else if (h && !egress && segment->ack) {
        h->confirmed = 1;
    }
}

// The handshake is complete; what it cost goes to the connection's account.
static __always_inline u32 complete_handshake(struct flow *f) {
    struct endpoints ends = {};
    __builtin_memcpy(ends.local_address, f->local_address, 32);
    ends.local_port = f->local_port;
    ends.remote_port = f->remote_port;
    struct handshake *h = handshakes.lookup(&ends);
    if (!h)
        return 0;
    u32 retries = h->retries;
    handshakes.delete(&ends);
    return retries;
}

// The kernel gives up without a word: when twice the latest pause has passed without another
// SYN-ACK, none will come (exponential backoff, RFC 6298, 5.5).
static __always_inline void expire_handshake(struct endpoints *ends, struct handshake *h, u64 now) {
    u64 pause = h->interval_ns > FIRST_RETRY_NS ? h->interval_ns : FIRST_RETRY_NS;
    if (now - h->last_ns < 2 * pause + FIRST_RETRY_NS)
        return;
    enum handshake_end end =
        h->answered && !h->confirmed ? HANDSHAKE_HALF_OPEN : HANDSHAKE_OVERFLOW;
    report_handshake(ends, h, now, end);
    handshakes.delete(ends);
}
