// What user space runs at the end of each interval: the deltas of sockets that fell silent, and what
// happened outside of sockets. agent/walk.py chooses between the two ways. For WALKS_FILES, SOCKET_SK
// is defined as well: where the kernel's struct socket has `sk`.

static __always_inline void report_socket(struct socket *s) {
    u64 now = bpf_ktime_get_ns();
    if (!s)
        return;
    claim(s, now);
    if (flushes_everything())
        emit(s, now, false);
    else
        emit_if_due(s, now);
}

static __always_inline void report_incident(struct incident_key *key) {
    struct incident *incident = incidents.lookup(key);
    if (!incident)
        return;
    if (key->kind == HANDSHAKE)
        expire_handshake(key, incident, bpf_ktime_get_ns());
    else
        report_count(key, incident, bpf_ktime_get_ns());
}

#if !WALKS_FILES
// The context of the kernel's iterator over a socket storage map (net/core/bpf_sk_storage.c).
struct storage_iterator {
    u64 meta;
    u64 map;
    void *sk;
    void *value;
};

int bpf_iter__bpf_sk_storage_map(struct storage_iterator *ctx) {
    if (ctx->sk && ctx->value)
        report_socket(sockets.sk_storage_get(ctx->sk, 0, 0));
    return 0;
}

// The context of the kernel's iterator over a hash map (kernel/bpf/map_iter.c).
struct map_iterator {
    u64 meta;
    u64 map;
    struct incident_key *key;
    struct incident *value;
};

int bpf_iter__bpf_map_elem(struct map_iterator *ctx) {
    if (!ctx->key || !ctx->value)
        return 0;
    struct incident_key key = *ctx->key;
    report_incident(&key);
    return 0;
}
#else
// The context of the kernel's iterator over the open files of all processes (kernel/bpf/task_iter.c).
struct file_iterator {
    u64 meta;
    void *task;
    u64 descriptor;
    void *file;
};

// A socket that several processes hold is met again, with nothing pending any more.
int bpf_iter__task_file(struct file_iterator *ctx) {
    if (!ctx->file)
        return 0;
    void *socket = bpf_sock_from_file(ctx->file);
    if (!socket)
        return 0;
    void *sk = *(void **)(socket + SOCKET_SK);
    if (sk)
        report_socket(sockets.sk_storage_get(sk, 0, 0));
    return 0;
}

// User space runs it with the keys that it has read, as a packet: an Ethernet header, then up to
// KEYS_A_RUN of them.
int report_incidents(struct __sk_buff *skb) {
    struct incident_key key = {};
    for (u32 index = 0; index < KEYS_A_RUN; index++) {
        if (bpf_skb_load_bytes(skb, ETH_HLEN + index * sizeof(key), &key, sizeof(key)))
            break;
        report_incident(&key);
    }
    return 0;
}
#endif
