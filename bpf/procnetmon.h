/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the kernel half and user space share: the layout of every map value and of every event.
 * Fixed-width types and explicit padding only; both compilers must agree on each offset. The prefix pnm
 * stands for ProcNetMon. */
#ifndef PROCNETMON_H
#define PROCNETMON_H

#include <linux/types.h>

/* Slots in the flow pool. 16,384 slots of 184 bytes are 3.0 MB of kernel memory. */
#define PNM_FLOW_CAPACITY 16384
/* Processes that keep counters of their own once the flow pool is full. */
#define PNM_OVERFLOW_CAPACITY 8192
#define PNM_WATCH_CAPACITY    8192
#define PNM_DEVICE_CAPACITY   4096
/* Bytes of ring buffer; a power of two and a multiple of the page size. */
#define PNM_RING_BYTES (1 << 20)
/* Bytes of the ring of payload samples, apart from that of the events, which samples thus never crowd out. */
#define PNM_SAMPLE_RING_BYTES (1 << 19)
/* Bytes that are copied of a flow, each way: a TLS hello with post-quantum keys, in whatever segments it
 * comes, and a handful of QUIC Initials. Also the largest single sample. */
#define PNM_SAMPLE_BUDGET 4096
#define PNM_NAME_BYTES    16
/* No process has this id. */
#define PNM_NO_PROCESS 0xffffffffu
/* No slot: a socket whose first packet has not been seen. */
#define PNM_NO_SLOT 0xffffffffu

/* Bits of pnm_flow.flags, which the kernel half writes. */
#define PNM_FLOW_CLOSED           0x01 /* the socket is gone, no packet will follow */
#define PNM_FLOW_FOREIGN          0x04 /* the socket lives in another network namespace than the helper */
#define PNM_FLOW_OUTGOING         0x08 /* this end called connect() */
#define PNM_FLOW_ESTIMATE         0x10 /* some of it may have been moved by another process than the owner */
#define PNM_FLOW_WIRE_ESTIMATE    0x20 /* what it took on the wire is computed in part */
#define PNM_FLOW_ADOPTED          0x40 /* TCP's callbacks were not asked for at its start */
#define PNM_FLOW_PAYLOAD_ESTIMATE 0x80 /* what it carried is computed in part, or at most that */

/* Bits of pnm_flow.retired, which user space writes. */
#define PNM_FLOW_RETIRED    0x01 /* give the slot up, the next packet takes another one */
#define PNM_FLOW_TAKEN_OVER 0x02 /* as PNM_FLOW_ESTIMATE, found by user space */

/* Bits of pnm_flow.inspection, which user space writes. */
#define PNM_INSPECTION_SENT_DONE     0x01 /* no more of the first bytes are wanted */
#define PNM_INSPECTION_RECEIVED_DONE 0x02
#define PNM_INSPECTION_MESSAGES      0x04 /* further messages are, within message_credit */
#define PNM_INSPECTION_HTTP_HEADS    0x08 /* ... such as begin like a head of HTTP/1 */

/* Bits of the values in `watched`. */
#define PNM_WATCH_EVENTS  0x01
#define PNM_WATCH_INSPECT 0x02 /* payload may be copied */

/* pnm_flow.state holds the kernel's TCP state, as <netinet/tcp.h> has them, or this. */
#define PNM_STATE_DATAGRAM 0x40

/* Protocols of flows and events: the number of the IP protocol, or one of these. */
#define PNM_PROTOCOL_PACKET 0     /* a packet socket, below IP */
#define PNM_PROTOCOL_RAW    0x100 /* added to the IP protocol of a raw socket */

/* Both ledgers. Bytes on the wire hold every header; payload is what the program sent and received. */
struct pnm_counters {
	__u64 wire_tx_bytes;
	__u64 wire_rx_bytes;
	__u64 wire_tx_packets;
	__u64 wire_rx_packets;
	__u64 payload_tx_bytes;
	__u64 payload_rx_bytes;
};

/* One socket x owner x remote endpoint x interface: the key under which a flow is found again. */
struct pnm_flow_key {
	__u64 socket_cookie;
	__u8 remote_address[16]; /* IPv4 as ::ffff:a.b.c.d; all zero for a listening socket */
	__u32 interface_index;
	__u16 remote_port; /* host byte order */
	__u16 padding;
	__u32 process_id; /* thread group id of the owner */
	__u32 more_padding;
};

/* A slot of the mmap-ed flow pool. A slot with socket_cookie 0 is free. */
struct pnm_flow {
	struct pnm_flow_key key;
	struct pnm_counters counters;
	__u64 opened_ns; /* CLOCK_MONOTONIC; with the slot number it names one flow for ever */
	__u64 last_ns;   /* CLOCK_MONOTONIC of the last packet */
	__u8 local_address[16];
	__u16 local_port; /* host byte order */
	__u16 protocol;   /* IP protocol number, PNM_PROTOCOL_* */
	__u8 flags;
	__u8 state;
	__u8 retired;    /* PNM_FLOW_RETIRED, PNM_FLOW_TAKEN_OVER */
	__u8 inspection; /* PNM_INSPECTION_*, of user space */
	__u32 user_id;
	__u32 rtt_us;
	__u32 retransmits;
	char name[PNM_NAME_BYTES]; /* comm of the owner when it made the socket */
	__u32 uninspected;    /* value of pnm_inspection.generation at which its owner was not inspected */
	__u32 message_credit; /* user space sets it, each message takes one off */
	__u16 sampled_tx;     /* bytes copied so far, at most PNM_SAMPLE_BUDGET */
	__u16 sampled_rx;
	__u32 connect_us; /* from the SYN to established, where this end called connect() */
	__u64 closed_ns;  /* CLOCK_MONOTONIC of the end, 0 before */
	__u8 reason;      /* enum pnm_reason; before the end one that may pass */
	__u8 time_wait;   /* enum pnm_time_wait; `state` is that of the kernel's entry then */
	__u8 padding[6];
};

/* How much is known of the owner of a socket; what is more certain is greater. */
enum pnm_evidence {
	PNM_EVIDENCE_INHERITED = 1, /* of the listening socket: who accepts the connection is not known yet */
	PNM_EVIDENCE_TAKEN = 2,     /* it made, connected or accepted the socket, or asked for its peer */
	PNM_EVIDENCE_HELD = 3,      /* it held a descriptor when user space looked */
	PNM_EVIDENCE_USED = 4,      /* it sent payload */
	PNM_EVIDENCE_SHARED = 5,    /* so did another one: both may go on */
};

/* Whether the kernel keeps an entry for a connection that is closed, in TIME_WAIT, or in FIN_WAIT2 without a
 * socket. */
enum pnm_time_wait {
	PNM_TIME_WAIT_NONE = 0,
	PNM_TIME_WAIT_ASSUMED = 1, /* it cannot be looked up: for as long as the kernel usually does */
	PNM_TIME_WAIT_KEPT = 2,    /* as of the last look */
};

/* Why a connection ended, or was not made, otherwise than by a FIN of both ends; and what stands in the way
 * of one that goes on. */
enum pnm_reason {
	PNM_REASON_NONE = 0,
	PNM_REASON_REFUSED = 1, /* the peer answered the SYN with a reset */
	PNM_REASON_RESET = 2,   /* the peer reset the connection */
	PNM_REASON_TIMED_OUT = 3,
	/* Told by ICMP: */
	PNM_REASON_NETWORK_UNREACHABLE = 4,
	PNM_REASON_HOST_UNREACHABLE = 5,
	PNM_REASON_PROTOCOL_UNREACHABLE = 6,
	PNM_REASON_PORT_UNREACHABLE = 7,
	PNM_REASON_PROHIBITED = 8,
	PNM_REASON_HOP_LIMIT = 9,
	PNM_REASON_UNREACHABLE = 10, /* one of these, the message was not seen */
	PNM_REASON_ABORTED = 11,     /* this end gave up: closed an attempt, or closed with a reset */
	PNM_REASON_LOCAL = 12,       /* connect() failed before anything was sent */
};

#define PNM_NO_USER 0xffffffff

/* Who owns a socket. User space writes it too, by descriptor, for sockets that were there before. */
struct pnm_owner {
	__u32 process_id;
	__u32 user_id;  /* or PNM_NO_USER: not to be known */
	__u32 evidence; /* enum pnm_evidence */
	char name[PNM_NAME_BYTES];
};

/* What the kernel half keeps for a socket beside its owner. User space creates it once, for sockets that
 * were there before, and never changes it afterwards. */
struct pnm_socket {
	__u64 cookie;
	__u64 payload_acked; /* of the socket's own counters, the part that is already on a flow */
	__u64 payload_received;
	__u32 slot;       /* the flow of the last packet, or PNM_NO_SLOT */
	__u32 flags;      /* PNM_SOCKET_* */
	__u32 process_id; /* the owner, as of the last look at it */
	__u32 sender; /* who ran when the first payload was sent; 0 before, PNM_NO_PROCESS: not to be known */
	__u32 fin_end;    /* the sequence number after the peer's FIN, once PNM_SOCKET_FIN_SEEN */
	__u32 reset_at;   /* the sequence number of the peer's last reset, once reset_seen */
	__u64 opened_ns;  /* when the SYN was sent, or the connection accepted; 0 where that is not known */
	__u32 connect_us; /* from the SYN to established, 0 before */
	/* Bytes of their own, so that each may be set without the lock. */
	__u8 reset_seen;  /* a reset of the peer passed, not yet accepted perhaps */
	__u8 is_expired;  /* the last retransmission went unanswered */
	__u8 is_released; /* the last descriptor is closed */
	__u8 obstacle;    /* enum pnm_reason as ICMP last told it, until the peer is heard */
	/* Where connect() is to lead, while is_attempting; of datagrams where the last one was to go. */
	__u8 attempted_address[16];
	__u16 attempted_port; /* host byte order */
	__u8 is_attempting;   /* connect() was called and has sent nothing yet */
	__u8 ipsec; /* what its packets are sent in: 0, PNM_IPSEC_*, or the bytes of the authentication
		       header */
	__u8 is_encapsulated; /* a route puts what it sends in packets of its own */
	__u8 has_other_paths; /* of MPTCP: what is slow on it goes over another one too */
	__u8 is_linkless; /* in another network namespace: its interface puts no header in front of packets */
	/* Where its traffic last passed that found the flow pool full. */
	__u32 overflow_interface;
	/* In another network namespace: an interface of IPsec's own that it sends through, or 0. */
	__u32 inside_interface;
	__s32 arriving; /* packets that tc has counted on it and that have not come to the socket yet */
#ifdef __bpf__
	struct bpf_spin_lock lock; /* guards the two payload figures */
#else
	__u32 lock;
#endif
};

#define PNM_IPSEC_ESP        1
#define PNM_IPSEC_ESP_IN_UDP 2

#define PNM_SOCKET_LISTENING    0x01
#define PNM_SOCKET_FOREIGN      0x02 /* not of the helper's network namespace */
#define PNM_SOCKET_OUTGOING     0x04 /* connect() was seen: the kernel's byte count includes our SYN */
#define PNM_SOCKET_FIN_SEEN     0x08 /* a FIN of the peer passed, not yet accepted perhaps */
#define PNM_SOCKET_FIN_ACKED    0x10 /* the kernel's count of acknowledged bytes includes our FIN */
#define PNM_SOCKET_FIN_RECEIVED 0x20 /* the kernel's count of received bytes includes the peer's FIN */
#define PNM_SOCKET_ADOPTED      0x40 /* user space tracks it: TCP's callbacks were not asked for at its start */
#define PNM_SOCKET_RELEASED     0x80  /* adopted, and its last descriptor is closed */
#define PNM_SOCKET_RAW          0x100 /* SOCK_RAW: it may receive copies of what belongs to others */
#define PNM_SOCKET_PACKET       0x200 /* AF_PACKET: it sends frames, and no hook sees it receive */
#define PNM_SOCKET_PATH         0x400 /* a path of an MPTCP connection; of the MPTCP socket: it has one */
#define PNM_SOCKET_LATER_PATH   0x800 /* ... and not the first; of the MPTCP socket: it has had several */

/* Whose traffic it is, and over which interface, that found the flow pool full. */
struct pnm_overflow_key {
	__u32 process_id;
	__u32 interface_index;
	__u32 is_foreign; /* 1: the interface is one of another network namespace than the helper's */
};

/* What counts without a flow. */
struct pnm_overflow {
	struct pnm_counters counters;
	__u32 flags; /* PNM_FLOW_ESTIMATE and its like, of whatever was added */
	__u32 padding;
};

/* An interface of the helper's network namespace, by index. */
struct pnm_device {
	__u32 link_header_bytes; /* 14 for Ethernet and loopback, 0 for tun */
	__u32 attached;          /* 1 once the tc programs count here */
	__u32 has_master;        /* 1 when a bridge, bond or the like takes what arrives here */
};

/* Set before the programs are loaded. */
struct pnm_settings {
	__u64 network_namespace; /* SO_NETNS_COOKIE of the helper's namespace, 0 where the kernel has none */
	/* Bits of skb->tc_index, of this helper alone. They stay with a packet on its way through stacked
	 * devices (bridge, VLAN, tunnel), so each direction is counted at the first device only. marks.h says
	 * what they mean. */
	__u32 mark_low;
	__u32 mark_high;
	/* Whether a program at the socket may ask which process runs (from 6.10 on). */
	__u32 tells_sender;
	/* Whether a path of MPTCP can be asked for the socket of the program (from 5.19 on). */
	__u32 tells_mptcp_socket;
	/* Whether tc may ask by which association of IPsec a packet came: the kernel has IPsec. */
	__u32 tells_association;
	/* The helper itself: it holds descriptors of others' sockets for a moment, to look at them. */
	__u32 helper_process_id;
	/* Only sockets of this user are told of, or PNM_EVERY_USER. */
	__u32 only_user;
};

#define PNM_EVERY_USER 0xffffffff

/* Flows that user space wants to be looked at once more, which settle_flow() does with one after the other.
 */
#define PNM_SETTLE_CAPACITY 1024
struct pnm_settling {
	__u32 next; /* index of the next one */
	__u32 slots[PNM_SETTLE_CAPACITY];
};

/* Work that could not be done in full; each a count since the programs were loaded. */
struct pnm_statistics {
	__u64 dropped_events;
	__u64 dropped_flows;     /* packets that found the flow pool full; they count on the process */
	__u64 dropped_processes; /* ... and found the per-process table full too: wire bytes lost */
	__u64 high_water;        /* slots below this one may be in use, none above */
	__u64 samples;           /* pieces of payload that were copied */
	__u64 dropped_samples;   /* ... that found no room in the ring */
	__u64 skipped_messages;  /* messages for which a flow had no credit */
	__u64 overflow_updates;  /* how often anything was added to `overflow` */
};

/* Whether payload is copied at all. User space writes it. */
struct pnm_inspection {
	__u32 generation; /* 0: of nobody. Otherwise changes whenever who is inspected, or who owns what, does
			   */
	__u32 padding;
};

/* A piece of payload. Behind it in the ring come `copied_bytes` of it, and then, up to the end of the record,
 * bytes without a meaning. */
struct pnm_sample {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 socket_cookie;
	__u64 offset; /* TCP: place of the first byte in its direction's stream; datagrams: 0 */
	__u32 slot;
	__u32 process_id;
	__u32 payload_bytes; /* of the packet */
	__u32 copied_bytes;
	__u32 segment_bytes; /* of a bundle of datagrams: the length of each but the last; else 0 */
	__u8 local_address[16];
	__u8 remote_address[16];
	__u16 local_port;  /* host byte order */
	__u16 remote_port; /* host byte order */
	__u8 protocol;
	__u8 is_sent;
	__u8 is_outgoing; /* this end called connect(); false where that is not known */
	__u8 padding[5];
};

enum pnm_event_kind {
	PNM_EVENT_OPENED = 1,
	PNM_EVENT_ESTABLISHED = 2,
	PNM_EVENT_CLOSED = 3,
	PNM_EVENT_FAILED = 4,
	PNM_EVENT_LISTENING = 5,
};

struct pnm_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 socket_cookie;
	__u32 kind;
	__u32 process_id;
	__u8 local_address[16];
	__u8 remote_address[16];
	__u16 local_port;  /* host byte order */
	__u16 remote_port; /* host byte order */
	__u16 protocol;    /* IP protocol number, PNM_PROTOCOL_* */
	__u8 outgoing;
	__u8 reason; /* closed, failed: enum pnm_reason */
	__u8 padding;
	__u64 duration_ns; /* established: since the SYN; closed, failed: since it was opened; 0 where not
			      known */
};

#endif
