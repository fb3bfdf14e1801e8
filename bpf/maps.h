/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Every map of the kernel half, and the two globals that user space sets or reads. */
#ifndef PROCNETMON_MAPS_H
#define PROCNETMON_MAPS_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "procnetmon.h"

/* Of no concern to user space. */
#define PNM_TIME_WAIT_CAPACITY   16384
#define PNM_FRAGMENT_CAPACITY    4096
#define PNM_ECHO_CAPACITY        4096
#define PNM_ASSOCIATION_CAPACITY 1024

struct pnm_connection {
	__u8 local_address[16];
	__u8 remote_address[16];
	__u16 local_port; /* host byte order */
	__u16 remote_port;
};

struct pnm_last_flow {
	__u64 noted_ns; /* CLOCK_MONOTONIC */
	__u64 socket_cookie;
	__u32 slot;
	struct pnm_overflow_key overflow; /* where it counts without a flow */
};

struct pnm_datagram {
	__u8 source[16];
	__u8 destination[16];
	__u32 identification; /* 0 for IPv6: gone from a datagram that is whole again */
	__u32 protocol;
};

/* The packet that was delivered to a socket last, and to which sockets. */
struct pnm_delivery {
	__u64 first_socket; /* cookies */
	__u64 last_socket;
	__u8 source[16];
	__u8 destination[16];
	__u32 interface_index;
	__u32 total_bytes;
	__u32 identification;
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 is_foreign; /* PNM_SOCKET_FOREIGN or 0 */
	__u8 padding[6];
};

/* The packet of TCP that has come to a listening socket last. */
struct pnm_arrival {
	__u64 arrived_ns;
	__u8 source[16];
	__u32 sequence;
	__u32 acknowledged;
	__u32 total_bytes;
	__u16 source_port;
	__u16 destination_port;
};

/* An ICMP echo request that is to be answered. */
struct pnm_echo {
	__u8 local_address[16];
	__u8 remote_address[16];
	__u16 identifier; /* host byte order */
};

/* A security association of IPsec by which packets arrive. */
struct pnm_association {
	__u8 peer[16];
	__be32 index; /* security parameters index */
};

/* What has arrived by it, encrypted, and how much of that has been seen again, decrypted. */
struct pnm_ledger {
	__u64 arrived_bytes; /* on the wire */
	__u64 arrived_packets;
	__u64 taken_bytes; /* of arrived_bytes, what is on a flow or on its way there */
	__u64 taken_packets;
	__u32 interface_index;
	__u32 overhead_bytes; /* what it added to the last packet for which that is certain */
};

/* What one packet, or one bundle of segments (GSO, GRO), adds to the wire ledger. */
struct pnm_wire_amount {
	__u64 bytes;
	__u64 packets;
};

const volatile struct pnm_settings settings = {};

/* Whether a socket may be told of. A socket can outlive the process that has made it, whose id may belong to
 * a process of somebody else by then. */
static __always_inline bool is_told_of(__u32 user_id)
{
	return settings.only_user == PNM_EVERY_USER || user_id == settings.only_user ||
	       user_id == PNM_NO_USER;
}

struct pnm_statistics statistics = {};
struct pnm_settling settling = {};

/* Who holds the socket of which the helper has a descriptor of its own, to look at it; 0: it has none. */
struct pnm_owner looked_at = {};
struct pnm_inspection inspection = {};

/* BPF_F_CLONE: an accepted socket inherits its listener's entry, before any of its packets is seen. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct pnm_owner);
} owners SEC(".maps");

/* Apart from `owners`, because user space rewrites owners while packets keep changing this. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct pnm_socket);
} sockets SEC(".maps");

/* mmap-ed: user space reads all flows without a system call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PNM_FLOW_CAPACITY);
	__type(key, __u32);
	__type(value, struct pnm_flow);
} flows SEC(".maps");

/* Last in, first out: slots in use stay dense, so that user space scans and touches few pages. */
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, PNM_FLOW_CAPACITY);
	__type(value, __u32);
} free_slots SEC(".maps");

/* Finds a flow that is not the socket's last one: many peers on one socket, or several interfaces. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PNM_FLOW_CAPACITY);
	__type(key, struct pnm_flow_key);
	__type(value, __u32);
} flow_index SEC(".maps");

/* Where traffic counts, by process id, that found the flow pool full. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PNM_OVERFLOW_CAPACITY);
	__type(key, struct pnm_overflow_key);
	__type(value, struct pnm_overflow);
} overflow SEC(".maps");

/* Processes whose socket events are wanted: PNM_WATCH_*. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PNM_WATCH_CAPACITY);
	__type(key, __u32);
	__type(value, __u32);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PNM_DEVICE_CAPACITY);
	__type(key, __u32);
	__type(value, struct pnm_device);
} devices SEC(".maps");

/* Connections that this end has closed or broken off. Of those the kernel keeps a TIME_WAIT entry, which has
 * no storage, or nothing: where what still passes counts. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PNM_TIME_WAIT_CAPACITY);
	__type(key, struct pnm_connection);
	__type(value, struct pnm_last_flow);
} time_wait SEC(".maps");

/* What the fragments of datagrams took on the wire, until the datagram is whole and reaches its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PNM_FRAGMENT_CAPACITY);
	__type(key, struct pnm_datagram);
	__type(value, struct pnm_wire_amount);
} fragments SEC(".maps");

/* What arrives in tunnels of IPsec. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PNM_ASSOCIATION_CAPACITY);
	__type(key, struct pnm_association);
	__type(value, struct pnm_ledger);
} associations SEC(".maps");

/* What packets that have left a tunnel took on the wire, until they reach their socket. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PNM_FRAGMENT_CAPACITY);
	__type(key, struct pnm_datagram);
	__type(value, struct pnm_wire_amount);
} tunnelled SEC(".maps");

/* By CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pnm_delivery);
} deliveries SEC(".maps");

/* By CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pnm_arrival);
} arrivals SEC(".maps");

/* Cookie of the socket that sent an echo request last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PNM_ECHO_CAPACITY);
	__type(key, struct pnm_echo);
	__type(value, __u64);
} echo_requests SEC(".maps");

/* Spares every datagram a look at `fragments` on the many machines that never see one. */
bool fragments_seen = false;

/* Spares every packet a look at how it came on the many machines without IPsec. */
bool associations_seen = false;

/* Whether the answer to a SYN over IPv6 passes packet_out(). */
bool ipv6_answers_seen = false;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PNM_RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PNM_SAMPLE_RING_BYTES);
} samples SEC(".maps");

#endif
