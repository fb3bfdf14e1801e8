/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Which sockets are counted, whose they are, and when they end. Owners are learnt only where the caller runs
 * in its own context: when a socket is made, connected or sent on. */
#ifndef PROCNETMON_OWNERSHIP_H
#define PROCNETMON_OWNERSHIP_H

#include "events.h"
#include "flow.h"

#define SOCK_STREAM 1
#define SOCK_DGRAM  2
#define SOCK_RAW    3

/* Every socket that speaks IP is counted, whatever its protocol. */
static __always_inline bool is_counted_family(__u32 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* What flows and events of a socket give as their protocol. */
static __always_inline __u16 protocol_of(const struct pnm_socket *socket, __u32 protocol)
{
	if (socket->flags & PNM_SOCKET_PACKET)
		return PNM_PROTOCOL_PACKET;
	return (__u8)protocol | (socket->flags & PNM_SOCKET_RAW ? PNM_PROTOCOL_RAW : 0);
}

static __always_inline __u32 caller(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline void owner_set_to_caller(struct pnm_owner *owner)
{
	owner->process_id = caller();
	owner->evidence = PNM_EVIDENCE_TAKEN;
	owner->user_id = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(owner->name, sizeof(owner->name));
}

/* Whether a network namespace, by its cookie, is another one than the helper's. Kernels below 5.14 cannot
 * tell the helper its own; there it is taken for the initial one. */
static __always_inline bool is_foreign(__u64 network_namespace)
{
	__u64 home = settings.network_namespace;

	return network_namespace != (home ? home : bpf_get_netns_cookie(NULL));
}

/* What is known of how a connection fares, at its beginning. */
static __always_inline void life_begin(struct pnm_socket *socket, __u64 now)
{
	socket->opened_ns = now;
	socket->connect_us = 0;
	socket->reset_seen = 0;
	socket->is_expired = 0;
	socket->is_released = 0;
	socket->obstacle = PNM_REASON_NONE;
}

static __always_inline void socket_reset(struct pnm_socket *socket, const struct pnm_owner *owner,
					 __u64 cookie, __u32 flags)
{
	socket->cookie = cookie;
	socket->payload_acked = 0;
	socket->payload_received = 0;
	socket->slot = PNM_NO_SLOT;
	socket->fin_end = 0;
	socket->process_id = owner->process_id;
	socket->sender = flags & PNM_SOCKET_LATER_PATH ? PNM_NO_PROCESS : 0;
	socket->flags = flags;
	socket->is_attempting = 0;
	socket->ipsec = 0;
	socket->is_encapsulated = 0;
	socket->has_other_paths = 0;
	life_begin(socket, 0);
}

static __always_inline void socket_track(void *context, struct bpf_sock *sk, __u32 type,
					 __u64 network_namespace)
{
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!owner || !socket)
		return;
	owner_set_to_caller(owner);
	socket_reset(socket, owner, bpf_get_socket_cookie(context),
		     (is_foreign(network_namespace) ? PNM_SOCKET_FOREIGN : 0) |
			 (type == SOCK_RAW ? PNM_SOCKET_RAW : 0));
}

/* The last packet has passed: says so on the flow and to whoever watches. Where the hook is shown no
 * addresses, `ends` is empty, and the last flow gives them. */
static __always_inline void socket_close(struct pnm_socket *socket, const struct pnm_owner *owner,
					 __u16 protocol, enum pnm_event_kind kind, struct endpoints *ends,
					 enum pnm_reason reason)
{
	struct pnm_flow *flow = last_flow(socket);
	__u64 now = bpf_ktime_get_ns(), since = socket->opened_ns;

	if (flow) {
		if (protocol == IPPROTO_TCP)
			flow->reason = reason;
		flow->closed_ns = now;
		flow->flags |= PNM_FLOW_CLOSED;
		if (!ends->local_port)
			endpoints_of_flow(ends, flow);
		if (protocol == IPPROTO_UDP)
			since = flow->opened_ns;
	}
	struct event_detail detail = {.reason = reason, .duration_ns = since ? now - since : 0};

	event_emit_with(kind, owner, socket->cookie, protocol, socket->flags & PNM_SOCKET_OUTGOING, ends,
			detail);
}

#endif
