// The maps, and how a pending delta leaves: on the ring buffer, and in the ledger.

// Written by user space, agent/running.py. A map and no macros: an agent with another interval goes
// on with the programs that it finds.
struct settings {
    u64 interval_ns;
    u64 wall_clock_offset_ns;
    u64 flush_everything; // the walk also sends what is not yet due
};

BPF_SK_STORAGE(sockets, struct socket);
BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_ARRAY(ledgers, struct ledger, 1);
BPF_ARRAY(carried, struct ledger, 1); // of programs that these have replaced; user space keeps it
BPF_ARRAY(settings, struct settings, 1);

static __always_inline struct ledger *the_ledger(void) {
    int zero = 0;
    return ledgers.lookup(&zero);
}

static __always_inline void add(u64 *total, u64 amount) { __sync_fetch_and_add(total, amount); }

// The next multiple of the interval on the wall clock, so that deltas keep within windows.
static __always_inline u64 interval_end(u64 since) {
    int zero = 0;
    struct settings *now = settings.lookup(&zero);
    if (!now || !now->interval_ns)
        return since;
    u64 wall = since + now->wall_clock_offset_ns;
    return since + now->interval_ns - wall % now->interval_ns;
}

static __always_inline bool flushes_everything(void) {
    int zero = 0;
    struct settings *now = settings.lookup(&zero);
    return now && now->flush_everything;
}

static __always_inline void touch(struct socket *s, u64 now) {
    if (!s->flow.since_ns)
        s->flow.since_ns = now;
}

static __always_inline void clear_measures(struct flow *f) {
    f->since_ns = 0;
    __builtin_memset(&f->bytes_sent, 0, sizeof(*f) - offsetof(struct flow, bytes_sent));
}

static __always_inline void submit(struct flow *record, u64 now) {
    struct ledger *ledger = the_ledger();
    if (!ledger || !record->since_ns) { // nothing was pending
        events.ringbuf_discard(record, BPF_RB_NO_WAKEUP);
        return;
    }
    record->until_ns = now;
    add(&ledger->records, 1);
    add(&ledger->bytes, record->bytes_sent + record->bytes_received);
    events.ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void count_lost(u64 bytes) {
    struct ledger *ledger = the_ledger();
    if (ledger) {
        add(&ledger->lost_records, 1);
        add(&ledger->lost_bytes, bytes);
    }
}

static __always_inline void lose(struct socket *s) {
    bpf_spin_lock(&s->lock);
    u64 bytes = s->flow.bytes_sent + s->flow.bytes_received;
    clear_measures(&s->flow);
    bpf_spin_unlock(&s->lock);
    count_lost(bytes);
}

// Puts the pending delta on the ring. When the ring is full the delta stays pending, unless this
// was its last chance: then it is lost, and counted. Must not be called with the lock held.
static __always_inline void emit(struct socket *s, u64 now, bool last_chance) {
    if (!s->flow.since_ns)
        return;
    struct flow *record = events.ringbuf_reserve(sizeof(struct flow));
    if (!record) {
        struct ledger *ledger = the_ledger();
        if (last_chance)
            lose(s);
        else if (ledger)
            add(&ledger->deferred, 1);
        return;
    }
    bpf_spin_lock(&s->lock);
    __builtin_memcpy(record, &s->flow, sizeof(struct flow));
    clear_measures(&s->flow);
    bpf_spin_unlock(&s->lock);
    submit(record, now);
}

// Finds a new delta's deadline too: where it begins the lock is held, and no map can be read.
static __always_inline void emit_if_due(struct socket *s, u64 now) {
    u64 since = s->flow.since_ns;
    if (!since)
        return;
    if (s->deadline_ns <= since)
        s->deadline_ns = interval_end(since);
    if (now >= s->deadline_ns)
        emit(s, now, false);
}

static __always_inline struct socket *new_socket(void *sk) {
    struct socket *s = sockets.sk_storage_get(sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!s) {
        struct ledger *ledger = the_ledger();
        if (ledger)
            add(&ledger->storage_failures, 1);
    }
    return s;
}
