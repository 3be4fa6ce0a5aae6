// The programs that the kernel runs, one for each hook.

static __always_inline int on_packet(struct __sk_buff *skb, bool egress) {
    struct bpf_sock *sk = skb->sk;
    if (!sk)
        return ALLOW;
    sk = bpf_sk_fullsock(sk);
    if (!sk)
        return ALLOW;
    if (sk->protocol == IPPROTO_TCP)
        on_tcp(skb, sk, egress);
    else if (sk->protocol == IPPROTO_UDP)
        on_udp(skb, sk, egress);
    return ALLOW;
}

int on_ingress(struct __sk_buff *skb) { return on_packet(skb, false); }

int on_egress(struct __sk_buff *skb) { return on_packet(skb, true); }

// Tells UDP sockets that are born under our eyes, whose first packet decides the role for certain.
int on_socket_created(struct bpf_sock *sk) {
    if (sk->type == TYPE_DATAGRAM && sk->protocol == IPPROTO_UDP) {
        struct socket *s = new_socket(sk);
        if (s)
            s->flags |= BORN_SEEN;
    }
    return ALLOW;
}

int on_socket_released(struct bpf_sock *sk) {
    struct socket *s = sockets.sk_storage_get(sk, 0, 0);
    if (s && sk->protocol == IPPROTO_UDP)
        emit(s, bpf_ktime_get_ns(), true);
    else if (s)
        on_released(s, bpf_ktime_get_ns());
    return ALLOW;
}

int on_socket_event(struct bpf_sock_ops *ops) {
    struct socket *s;
    u64 now = bpf_ktime_get_ns();
    u32 op = ops->op;
    if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
        op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_RTT_CB &&
        op != BPF_SOCK_OPS_RTO_CB && op != BPF_SOCK_OPS_STATE_CB)
        return ALLOW;
    struct bpf_sock *sk = ops->sk;
    if (!sk)
        return ALLOW;
    if (op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
        s = start_connection(ops, sk, ROLE_CLIENT, now);
        if (s)
            s->flow.attempted += 1;
        return ALLOW;
    }
    if (op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
        s = start_connection(ops, sk, ROLE_SERVER, now);
        if (s)
            on_established(s, op, now);
        return ALLOW;
    }
    s = sockets.sk_storage_get(sk, 0, 0);
    if (!s)
        return ALLOW;
    if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
        on_established(s, op, now);
    } else if (op == BPF_SOCK_OPS_STATE_CB) {
        u32 before = ops->args[0];
        u32 state = ops->args[1];
        struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);
        if (!tp)
            return ALLOW;
        struct tcp_view view = look(tp);
        if (state == BPF_TCP_CLOSE)
            claim(s, now);
        on_state(s, &view, before, state, now);
    } else {
        // Kernels before 6.10 pass no sample: the smoothed value stands in.
        u32 sample = ops->args[0] ? ops->args[0] : ops->srtt_us >> 3;
        bpf_spin_lock(&s->lock);
        touch(s, now);
        if (op == BPF_SOCK_OPS_RTT_CB)
            sample_rtt(s, sample);
        else
            s->flow.retransmission_timeouts += 1;
        bpf_spin_unlock(&s->lock);
    }
    return ALLOW;
}
