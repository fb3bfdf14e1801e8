/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The flow pool: finds the slot of a flow, or takes one from the free list.
 *
 * A slot proves itself by its key, so a stale reference to it (cached in the socket, or in the index) is
 * harmless: it is looked up again. User space takes slots back: it sets `retired`, waits until no
 * program that saw the slot before can still run, reads the last figures and pushes the slot. */
#ifndef PROCNETMON_FLOW_H
#define PROCNETMON_FLOW_H

#include "address.h"
#include "events.h"
#include "maps.h"
#include "tally.h"

#define barrier() asm volatile("" ::: "memory")

static __always_inline bool key_equals(const struct pnm_flow_key *a, const struct pnm_flow_key *b)
{
	const __u64 *left = (const __u64 *)a;
	const __u64 *right = (const __u64 *)b;

	/* One comparison: each would be another way through the program. */
	return !((left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]) |
		 (left[4] ^ right[4]));
}

static __always_inline void flow_key_fill(struct pnm_flow_key *key, const struct pnm_socket *socket,
					  const struct endpoints *ends, __u32 interface_index)
{
	key->socket_cookie = socket->cookie;
	key->process_id = socket->process_id;
	key->more_padding = 0;
	__builtin_memcpy(key->remote_address, ends->remote.bytes, sizeof(key->remote_address));
	key->interface_index = interface_index;
	key->remote_port = ends->remote_port;
	key->padding = 0;
}

/* The flow of the socket's last packet, when it has one. */
static __always_inline struct pnm_flow *last_flow(const struct pnm_socket *socket)
{
	__u32 slot = socket->slot;
	struct pnm_flow *flow = bpf_map_lookup_elem(&flows, &slot);

	return flow && flow->key.socket_cookie == socket->cookie ? flow : NULL;
}

static __always_inline void endpoints_of_flow(struct endpoints *ends, const struct pnm_flow *flow)
{
	__builtin_memcpy(ends->local.bytes, flow->local_address, sizeof(ends->local));
	__builtin_memcpy(ends->remote.bytes, flow->key.remote_address, sizeof(ends->remote));
	ends->local_port = flow->local_port;
	ends->remote_port = flow->key.remote_port;
}

/* The flow in a slot, when it is the one that the key names and still in use. */
static __always_inline struct pnm_flow *flow_at(__u32 slot, const struct pnm_flow_key *key)
{
	struct pnm_flow *flow = bpf_map_lookup_elem(&flows, &slot);

	if (flow && key_equals(&flow->key, key) && !(flow->retired & PNM_FLOW_RETIRED))
		return flow;
	return NULL;
}

static __always_inline void flow_fill(struct pnm_flow *flow, const struct pnm_flow_key *key,
				      const struct pnm_socket *socket, const struct pnm_owner *owner,
				      const struct endpoints *ends, __u16 protocol, __u8 state)
{
	__builtin_memset(&flow->counters, 0, sizeof(flow->counters));
	flow->opened_ns = bpf_ktime_get_ns();
	flow->last_ns = flow->opened_ns;
	__builtin_memcpy(flow->local_address, ends->local.bytes, sizeof(flow->local_address));
	flow->local_port = ends->local_port;
	flow->protocol = protocol;
	flow->state = state;
	flow->flags = (socket->flags & PNM_SOCKET_FOREIGN ? PNM_FLOW_FOREIGN : 0) |
		      (socket->flags & PNM_SOCKET_OUTGOING ? PNM_FLOW_OUTGOING : 0) |
		      (socket->flags & PNM_SOCKET_ADOPTED ? PNM_FLOW_ADOPTED : 0) |
		      (socket->flags & PNM_SOCKET_RELEASED ? PNM_FLOW_CLOSED : 0) |
		      (owner->evidence == PNM_EVIDENCE_SHARED ? PNM_FLOW_ESTIMATE : 0);
	flow->retired = 0;
	flow->inspection = 0;
	flow->user_id = owner->user_id;
	flow->rtt_us = 0;
	flow->retransmits = 0;
	flow->closed_ns = flow->flags & PNM_FLOW_CLOSED ? flow->opened_ns : 0;
	flow->connect_us = socket->connect_us;
	flow->reason = socket->obstacle;
	flow->time_wait = PNM_TIME_WAIT_NONE;
	__builtin_memcpy(flow->name, owner->name, sizeof(flow->name));
	flow->uninspected = 0;
	flow->message_credit = 0;
	flow->sampled_tx = 0;
	flow->sampled_rx = 0;
	__builtin_memcpy(flow->key.remote_address, key->remote_address, sizeof(key->remote_address));
	flow->key.interface_index = key->interface_index;
	flow->key.remote_port = key->remote_port;
	flow->key.padding = 0;
	flow->key.process_id = key->process_id;
	flow->key.more_padding = 0;
	/* Last: user space takes a slot with a cookie for complete. */
	barrier();
	*(volatile __u64 *)&flow->key.socket_cookie = key->socket_cookie;
}

static __always_inline void slot_note_use(__u32 slot)
{
	/* Lost updates heal: the slot is noted again on its next use, and it is popped in ascending order. */
	if (slot >= statistics.high_water)
		statistics.high_water = slot + 1;
}

/* The socket's last flow, when it is that of this peer and interface too: so it is for most packets. */
static __always_inline struct pnm_flow *flow_again(const struct pnm_socket *socket,
						   const struct endpoints *ends, __u32 interface_index)
{
	__u32 slot = socket->slot;
	struct pnm_flow *flow = bpf_map_lookup_elem(&flows, &slot);

	if (!flow)
		return NULL;
	const struct pnm_flow_key *key = &flow->key;
	const __be32 *remote = (const __be32 *)key->remote_address;
	/* One comparison, as in key_equals(). */
	__u64 difference = (key->socket_cookie ^ socket->cookie) | (key->process_id ^ socket->process_id) |
			   (key->interface_index ^ interface_index) | (key->remote_port ^ ends->remote_port) |
			   (remote[0] ^ ends->remote.words[0]) | (remote[1] ^ ends->remote.words[1]) |
			   (remote[2] ^ ends->remote.words[2]) | (remote[3] ^ ends->remote.words[3]) |
			   (flow->retired & PNM_FLOW_RETIRED);

	return difference ? NULL : flow;
}

/* The flow of a packet, where it is not the socket's last one. NULL when the pool is full: the caller counts
 * on the process then. */
STEP struct pnm_flow *flow_find(struct bpf_sock *sk, struct pnm_socket *socket, const struct tally *tally,
				__u32 interface_index)
{
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct pnm_flow_key key;
	struct pnm_flow *flow;
	__u32 slot;

	if (!owner)
		return NULL;
	/* User space changes owners, and retires or renames the flows of the former one. */
	socket->process_id = owner->process_id;
	flow_key_fill(&key, socket, &tally->ends, interface_index);

	__u32 *indexed = bpf_map_lookup_elem(&flow_index, &key);

	if (indexed) {
		slot = *indexed;
		flow = flow_at(slot, &key);
		if (flow) {
			socket->slot = slot;
			return flow;
		}
	}

	if (bpf_map_pop_elem(&free_slots, &slot)) {
		__sync_fetch_and_add(&statistics.dropped_flows, 1);
		return NULL;
	}
	flow = bpf_map_lookup_elem(&flows, &slot);
	if (!flow)
		return NULL;
	flow_fill(flow, &key, socket, owner, &tally->ends, tally->protocol, tally->state);
	slot_note_use(slot);
	/* Another CPU may have made the same flow at the same time. Both slots stay then, and user space adds
	 * them up: cheaper than a lock, and nothing is lost. A stale entry is replaced. */
	bpf_map_update_elem(&flow_index, &key, &slot, BPF_ANY);
	socket->slot = slot;
	if (tally->protocol != IPPROTO_TCP)
		event_emit(PNM_EVENT_OPENED, owner, key.socket_cookie, tally->protocol, false, &tally->ends);
	return flow;
}

/* Some of what it took on the wire could not be seen. */
static __always_inline void wire_estimate_mark(struct pnm_flow *flow)
{
	if (flow)
		flow->flags |= PNM_FLOW_WIRE_ESTIMATE;
}

/* Where traffic counts that has no flow. */
static __always_inline struct pnm_overflow_key overflow_key_of(const struct pnm_socket *socket,
							       const struct pnm_owner *owner)
{
	struct pnm_overflow_key key = {
	    .process_id = is_told_of(owner->user_id) ? owner->process_id : PNM_NO_PROCESS,
	    .interface_index = socket->overflow_interface,
	    .is_foreign = !!(socket->flags & PNM_SOCKET_FOREIGN),
	};

	return key;
}

/* Not on the stack, which is full. */
static const struct pnm_overflow nothing;

/* NULL, and counted as lost, when even that table is full. */
static __always_inline struct pnm_overflow *overflow_at(const struct pnm_overflow_key *key)
{
	struct pnm_overflow *entry = bpf_map_lookup_elem(&overflow, key);

	__sync_fetch_and_add(&statistics.overflow_updates, 1);
	if (entry)
		return entry;
	bpf_map_update_elem(&overflow, key, &nothing, BPF_NOEXIST);
	entry = bpf_map_lookup_elem(&overflow, key);
	if (!entry)
		__sync_fetch_and_add(&statistics.dropped_processes, 1);
	return entry;
}

/* For what got no flow. */
static __always_inline struct pnm_overflow *overflow_for(struct bpf_sock *sk, const struct pnm_socket *socket)
{
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!owner)
		return NULL;
	struct pnm_overflow_key key = overflow_key_of(socket, owner);
	struct pnm_overflow *entry = overflow_at(&key);

	if (entry && owner->evidence == PNM_EVIDENCE_SHARED)
		entry->flags |= PNM_FLOW_ESTIMATE;
	return entry;
}

#endif
