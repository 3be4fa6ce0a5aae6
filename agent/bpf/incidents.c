// What happens outside of any socket: handshakes under way, drops, datagrams refused. It waits in a
// table until the walk reports it, at the end of an interval.

#define MOST_INCIDENTS 65536

enum incident_kind { HANDSHAKE, DROP, DATAGRAM_ERROR };

struct incident_key {
    struct endpoints ends;
    u16 reason; // of a drop
    u8 protocol;
    u8 kind;
};

struct incident {
    u64 since_ns;
    u64 last_ns;     // handshake: of the SYN, then of the latest SYN-ACK
    u64 interval_ns; // handshake: between the latest two
    u64 cgroup_id;
    u32 count; // handshake: SYN-ACK sent again; else packets
    u8 answered;
    u8 confirmed; // the client's ACK came, and yet there is no connection
    u8 established; // handshake: at last_ns, and the connection has not been seen in use
    u8 reserved;
};

BPF_HASH(incidents, struct incident_key, struct incident, MOST_INCIDENTS);

static __always_inline void begin_incident(struct incident_key *key, struct incident *incident) {
    struct ledger *ledger = the_ledger();
    if (incidents.update(key, incident) && ledger)
        add(&ledger->storage_failures, 1);
}

// A record without a socket, for the caller to fill and submit. None when the ring is full.
static __always_inline struct flow *incident_record(struct incident_key *key,
                                                    struct incident *incident) {
    struct flow *record = events.ringbuf_reserve(sizeof(struct flow));
    if (!record)
        return record;
    __builtin_memset(record, 0, sizeof(*record));
    set_endpoints(record, &key->ends, key->protocol);
    record->cgroup_id = incident->cgroup_id;
    record->since_ns = incident->since_ns;
    return record;
}

static __always_inline void count_incident(struct incident_key *key, u64 now) {
    struct incident *known = incidents.lookup(key);
    if (known) {
        __sync_fetch_and_add(&known->count, 1);
        return;
    }
    struct incident fresh = {.since_ns = now, .count = 1};
    begin_incident(key, &fresh);
}

// Drops and errors: an entry that stayed empty for an interval goes.
static __always_inline void report_count(struct incident_key *key, struct incident *incident,
                                         u64 now) {
    u32 count = incident->count;
    if (!count) {
        incidents.delete(key);
        return;
    }
    struct flow *record = incident_record(key, incident);
    if (!record)
        return;
    bool served = key->ends.local_port < key->ends.remote_port;
    record->role = served ? ROLE_SERVER : ROLE_CLIENT;
    record->dropped = key->kind == DROP ? count : 0;
    record->drop_reason = key->reason;
    record->datagram_errors = key->kind == DATAGRAM_ERROR ? count : 0;
    __sync_fetch_and_add(&incident->count, -count);
    incident->since_ns = now;
    submit(record, now);
}
