// The life of a TCP connection: opened, established, ended.

#define TIMED_OUT 110 // ETIMEDOUT, include/uapi/asm-generic/errno.h

// The errors of sockets, by on_socket_error.
BPF_TABLE("lru_hash", struct endpoints, s32, socket_errors, 4096);

// What ended an attempt without a reset: an error that ICMP brought, or nothing at all.
static __always_inline void decide(struct socket *s, u64 now) {
    struct endpoints ends = {};
    __builtin_memcpy(ends.local_address, s->flow.local_address, 32);
    ends.local_port = s->flow.local_port;
    ends.remote_port = s->flow.remote_port;
    s32 *error = socket_errors.lookup(&ends);
    bool unreachable = error && *error != TIMED_OUT;
    socket_errors.delete(&ends);
    bpf_spin_lock(&s->lock);
    s->flags &= ~UNDECIDED;
    s->flow.unreachable += unreachable;
    s->flow.timed_out += !unreachable;
    touch(s, now);
    bpf_spin_unlock(&s->lock);
}

// A new storage, or the old one of a socket that connects again (connect after disconnect).
static __always_inline struct socket *start_connection(struct bpf_sock_ops *ops,
                                                       struct bpf_sock *sk, u32 role, u64 now) {
    struct socket *s = new_socket(sk);
    if (!s)
        return s;
    if (s->flags & UNDECIDED)
        decide(s, now);
    emit(s, now, true);
    bpf_spin_lock(&s->lock);
    clear_measures(&s->flow);
    s->flags = 0;
    s->connect_ns = now;
    s->sent_base = role == ROLE_CLIENT; // bytes_acked counts the SYN of an active open
    s->received_base = 0;
    s->sent = 0;
    s->received = 0;
    s->segments_sent = 0;
    s->segments_received = 0;
    s->retransmits = 0;
    s->next_sent = 0;
    s->frontier = 0;
    s->flow.role = role;
    s->flow.flags = ROLE_CERTAIN;
    set_tcp_addresses(&s->flow, sk);
    touch(s, now);
    bpf_spin_unlock(&s->lock);
    bpf_sock_ops_cb_flags_set(ops, BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTT_CB_FLAG |
                                       BPF_SOCK_OPS_RTO_CB_FLAG);
    return s;
}

static __always_inline void on_established(struct socket *s, u32 op, u64 now) {
    bool active = op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB;
    u64 took = (now - s->connect_ns) / 1000;
    bool unclaimed = WALKS_FILES && !active && leave_to_table(&s->flow, now);
    u32 retries = active || unclaimed ? 0 : complete_handshake(&s->flow);
    bpf_spin_lock(&s->lock);
    touch(s, now);
    s->flags |= unclaimed ? UNCLAIMED : 0;
    s->flow.established += !unclaimed;
    s->flow.retransmitted_syns += retries;
    if (active)
        s->flow.connect_microseconds = took ? took : 1;
    bpf_spin_unlock(&s->lock);
}

static __always_inline void on_state(struct socket *s, struct tcp_view *view, u32 before, u32 state,
                                     u64 now) {
    bpf_spin_lock(&s->lock);
    if (state == BPF_TCP_CLOSE_WAIT || state == BPF_TCP_CLOSING)
        s->flags |= FIN_CONSUMED;
    if (state == BPF_TCP_CLOSE) {
        count_tcp(s, view, now);
        touch(s, now);
        if (before == BPF_TCP_SYN_SENT && s->flags & RESET_SEEN) {
            s->flow.refused += 1;
        } else if (before == BPF_TCP_SYN_SENT) {
            s->flags |= UNDECIDED; // the kernel tells the error only after the state
        } else if (!(s->flags & ENDED)) { // programs before these may have asked for the callback
            s->flags |= ENDED;
            s->flow.closed += 1;
            s->flow.reset += !!(s->flags & RESET_SEEN);
        }
    }
    bpf_spin_unlock(&s->lock);
    if (s->flags & UNDECIDED && s->flags & RELEASED)
        decide(s, now); // given up by the application, so there is no error
    if (state == BPF_TCP_CLOSE && !(s->flags & UNDECIDED))
        emit(s, now, true);
}

static __always_inline void on_released(struct socket *s, u64 now) {
    bpf_spin_lock(&s->lock);
    s->flags |= RELEASED;
    bpf_spin_unlock(&s->lock);
    if (s->flags & UNDECIDED) {
        decide(s, now);
        emit(s, now, true);
    }
}
