// Counts what every TCP and UDP socket of a cgroup subtree moves, and puts deltas on a ring buffer.
//
// Touches UAPI contexts only (__sk_buff, bpf_sock, bpf_tcp_sock, bpf_sock_ops), so it needs no
// headers of the running kernel. A delta leaves when its interval is over (at the socket's next
// packet, or when user space walks the sockets), and when the socket ends.
//
// bcc rewrites map calls in the main file only, so agent/programs.py joins the files of this folder
// into one. It also defines: RING_PAGES, HISTOGRAM_BUCKETS, CAPTURE_ANSWERS, ANSWER_BYTES,
// ANSWER_RING_PAGES, WALKS_FILES (1 or 0; see walk.c).

#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/tcp.h>

#define FAMILY_INET 2
#define TYPE_DATAGRAM 2
#define HEADER_HOP_BY_HOP 0
#define FIRST_EPHEMERAL_PORT 32768 // of net.ipv4.ip_local_port_range as Linux ships it
#define ALLOW 1

enum role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER };

enum flow_flag {
    ROLE_CERTAIN = 1 << 0,
};

enum socket_flag {
    OLDER_THAN_AGENT = 1 << 0, // no sock_ops callbacks: it was there before the programs
    FIN_SENT = 1 << 1,
    FIN_RECEIVED = 1 << 2,     // fin_received_sequence is known
    FIN_CONSUMED = 1 << 3,     // the state machine has taken the peer's FIN
    RESET_SEEN = 1 << 4,
    ENDED = 1 << 5,
    BORN_SEEN = 1 << 6,        // UDP: created under the agent's eyes
    SYN_SENT_BEFORE = 1 << 7,
    ZERO_WINDOW_SENT = 1 << 8,
    ZERO_WINDOW_RECEIVED = 1 << 9,
    UNDECIDED = 1 << 10,       // an attempt failed, of what is not known yet
    RELEASED = 1 << 11,        // the application has closed the socket
    UNCLAIMED = 1 << 12,       // that it was established is in the table of incidents
};

struct distribution {
    u64 sum;
    u32 count;
    u32 min;
    u32 max;
    u32 buckets[HISTOGRAM_BUCKETS];
};

// What goes over the ring buffer. agent/ring.py has the same layout as a NumPy dtype.
struct flow {
    u64 since_ns; // monotonic; 0 while nothing is pending
    u64 until_ns;
    u64 cgroup_id;
    u32 local_address[4];
    u32 remote_address[4];
    u16 local_port;
    u16 remote_port;
    u8 protocol;
    u8 role;
    u8 flags;
    u8 reserved;
    u64 bytes_sent;
    u64 bytes_received;
    u64 packets_sent;
    u64 packets_received;
    u64 retransmitted_bytes;
    u32 retransmitted_segments;
    u32 retransmission_timeouts;
    u32 resets_sent;
    u32 resets_received;
    u32 retransmitted_syns;
    u32 zero_windows_sent;
    u32 zero_windows_received;
    u32 out_of_order;
    u32 dropped;
    u32 datagram_errors;
    u8 attempted;
    u8 established;
    u8 closed;
    u8 refused;
    u8 timed_out;
    u8 reset;
    u8 unreachable;
    u8 handshake_reset;
    u8 half_open;
    u8 overflow;
    u16 drop_reason; // of `dropped`; a record has one at the most
    u32 connect_microseconds;
    struct distribution rtt;
};

struct socket {
    struct bpf_spin_lock lock;
    u32 flags;
    u64 deadline_ns; // the pending delta's interval ends here
    u64 connect_ns;
    u64 sent_base; // of bytes_acked, not application data of our time
    u64 received_base;
    u64 sent; // application bytes counted so far
    u64 received;
    u32 segments_sent; // as tcp_sock counted them when last looked at
    u32 segments_received;
    u32 retransmits;
    u32 next_sent; // the sequence number after the last that left
    u32 fin_sent_sequence;
    u32 fin_received_sequence;
    u32 frontier; // the sequence number that was awaited last
    u32 first_role; // UDP: by the direction of the socket's very first packet
    struct flow flow;
};

// Cumulative since load. agent/running.py reads it.
struct ledger {
    u64 records;
    u64 bytes;
    u64 lost_records;
    u64 lost_bytes;
    u64 storage_failures;
    u64 deferred; // found the ring full with another chance to come: nothing lost
    u64 answers; // DNS answers put on their ring buffer
    u64 lost_answers; // that found it full
};
