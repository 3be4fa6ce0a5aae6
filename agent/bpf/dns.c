// Copying DNS answers out to user space, which parses them.

#define DNS_PORT 53
#define DNS_HEADER_BYTES 12

// What goes over the ring buffer of answers. agent/ring.py has the same layout as a NumPy dtype.
struct answer {
    u64 time_ns; // monotonic
    u64 cgroup_id;
    u32 receiver[4];
    u32 length; // of the whole message, which may be longer than what is captured of it
    u32 reserved;
    u8 message[ANSWER_BYTES];
};

BPF_RINGBUF_OUTPUT(answers, ANSWER_RING_PAGES);

// A response without an error that holds records (RFC 1035, 4.1.1).
static __always_inline bool is_answer(struct __sk_buff *skb, u32 offset) {
    u8 header[DNS_HEADER_BYTES];
    if (bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
        return false;
    bool response = header[2] & 0x80;
    u8 error = header[3] & 0x0f;
    return response && !error && (header[6] || header[7]);
}

static __always_inline void count_answer(bool lost) {
    struct ledger *ledger = the_ledger();
    if (ledger)
        add(lost ? &ledger->lost_answers : &ledger->answers, 1);
}

// `length`: of the payload, which ends with the packet.
static __always_inline void capture_answer(struct __sk_buff *skb, struct bpf_sock *sk,
                                           u32 *receiver, u32 length, u64 now) {
    u32 offset = skb->len - length;
    u64 captured = length;
    asm volatile("" : "+r"(captured)); // one register to the end: its bounds convince the verifier
    if (captured > ANSWER_BYTES)
        captured = ANSWER_BYTES;
    if (captured < DNS_HEADER_BYTES || !is_answer(skb, offset))
        return;
    struct answer *answer = answers.ringbuf_reserve(sizeof(struct answer));
    if (!answer) {
        count_answer(true);
        return;
    }
    answer->time_ns = now;
    answer->cgroup_id = bpf_sk_cgroup_id(sk);
    __builtin_memcpy(answer->receiver, receiver, sizeof(answer->receiver));
    answer->length = length;
    answer->reserved = 0;
    if (bpf_skb_load_bytes(skb, offset, answer->message, captured)) {
        answers.ringbuf_discard(answer, BPF_RB_NO_WAKEUP);
        return;
    }
    count_answer(false);
    answers.ringbuf_submit(answer, BPF_RB_NO_WAKEUP);
}
