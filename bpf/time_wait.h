/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Connections that have no socket any more. Of one that this end has closed first the kernel keeps a
 * TIME_WAIT entry, without storage; of others nothing, while the peer may still be sending, or send once
 * more. What passes after that counts on the connection's last flow. */
#ifndef PROCNETMON_TIME_WAIT_H
#define PROCNETMON_TIME_WAIT_H

#include "counting.h"

static __always_inline void connection_key(struct pnm_connection *key, const union address *local,
					   __u16 local_port, const union address *remote, __u16 remote_port)
{
	__builtin_memcpy(key->local_address, local->bytes, sizeof(key->local_address));
	__builtin_memcpy(key->remote_address, remote->bytes, sizeof(key->remote_address));
	key->local_port = local_port;
	key->remote_port = remote_port;
}

static __always_inline void connection_key_of_packet(struct pnm_connection *key, const struct packet *packet,
						     bool is_out)
{
	if (is_out)
		connection_key(key, &packet->source, packet->source_port, &packet->destination,
			       packet->destination_port);
	else
		connection_key(key, &packet->destination, packet->destination_port, &packet->source,
			       packet->source_port);
}

/* What the peer says moves the entry on. */
static __always_inline void time_wait_advance(struct pnm_flow *flow, const struct packet *packet)
{
	if (packet->is_reset) {
		flow->state = TCP_CLOSE;
		flow->time_wait = PNM_TIME_WAIT_NONE;
	} else if (packet->is_fin) {
		flow->state = TCP_TIME_WAIT;
	}
}

/* As long as the kernel waits for the peer's FIN where nobody else does, and in TIME_WAIT after it; both by
 * its defaults. What comes later belongs to nobody: ids are used again. */
#define LATE_PACKETS_NS (120 * 1000000000ull)

/* A packet that is sent or received on behalf of a connection without a socket counts on the connection's
 * last flow. User space leaves the slots of closed connections alone for a while; after that, it counts on
 * the process. False when there is no such connection. `is_entry`: the kernel's entry was found. */
STEP bool count_time_wait(const struct packet *packet, const struct tally *tally, bool is_entry)
{
	struct pnm_connection key;

	connection_key_of_packet(&key, packet, tally->is_out);
	struct pnm_last_flow *last = bpf_map_lookup_elem(&time_wait, &key);

	if (!last || bpf_ktime_get_ns() - last->noted_ns > LATE_PACKETS_NS)
		return false;
	__u32 slot = last->slot;
	struct pnm_flow *flow = bpf_map_lookup_elem(&flows, &slot);

	if (!flow || flow->key.socket_cookie != last->socket_cookie || (flow->retired & PNM_FLOW_RETIRED)) {
		struct pnm_overflow_key without_flow = last->overflow;
		struct pnm_overflow *entry = overflow_at(&without_flow);

		if (!entry)
			return false;
		if (slot == PNM_NO_SLOT)
			__sync_fetch_and_add(&statistics.dropped_flows, 1);
		count_wire(&entry->counters, tally);
		return true;
	}
	/* This end has closed one direction only, and its addresses are translated: the socket is there. */
	if (!is_entry && !(flow->flags & PNM_FLOW_CLOSED))
		return false;
	if (!tally->is_out && flow->time_wait != PNM_TIME_WAIT_NONE)
		time_wait_advance(flow, packet);
	count_wire(&flow->counters, tally);
	flow->last_ns = bpf_ktime_get_ns();
	return true;
}

static __always_inline void time_wait_note(const struct pnm_socket *socket, const struct pnm_owner *owner,
					   const struct pnm_connection *key)
{
	struct pnm_last_flow last = {.noted_ns = bpf_ktime_get_ns(),
				     .socket_cookie = socket->cookie,
				     .slot = socket->slot,
				     .overflow = overflow_key_of(socket, owner)};
	struct pnm_flow *flow = last_flow(socket);

	if (flow)
		last.overflow.interface_index = flow->key.interface_index;
	bpf_map_update_elem(&time_wait, key, &last, BPF_ANY);
}

/* Of connections from which on nothing more is sent but the same once more. */
#define LAST_STATES (1u << TCP_FIN_WAIT1 | 1u << TCP_LAST_ACK | 1u << TCP_CLOSE)

/* This end closes, or breaks off. Noted as the packet says it: tc does not see the addresses of the
 * socket where they are translated. Then an entry in TIME_WAIT is not found either, and in the moment in
 * which the kernel makes it nothing tells it from the socket. */
STEP int end_note(struct bpf_sock *sk, const struct pnm_socket *socket, const struct packet *packet)
{
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct pnm_connection key;

	if (!owner || sk->type != SOCK_STREAM || !(LAST_STATES >> sk->state & 1))
		return 0;
	connection_key_of_packet(&key, packet, true);
	time_wait_note(socket, owner, &key);
	struct pnm_flow *flow = last_flow(socket);

	if (flow && sk->state == TCP_FIN_WAIT1 &&
	    !addresses_equal((union address *)flow->key.remote_address, &packet->destination))
		wire_estimate_mark(flow);
	return 0;
}

/* Between these two addresses and ports a connection begins anew. */
STEP int end_forget(const struct packet *packet)
{
	struct pnm_connection key;

	connection_key_of_packet(&key, packet, true);
	bpf_map_delete_elem(&time_wait, &key);
	return 0;
}

/* IPv4, TCP with its usual option (the timestamp), and the header of Ethernet. */
#define LAST_PACKET_BYTES (sizeof(struct iphdr) + sizeof(struct tcphdr) + 12 + 14)

/* The peer has not closed yet, and the program has: what follows, as a rule a FIN and its acknowledgement,
 * has no socket. In other network namespaces no hook sees it, so it is worked out. Kernels that do not tell a
 * program where it is may have it counted by tc all the same. */
STEP int last_packets_estimate(struct bpf_sock *sk, const struct pnm_socket *socket, bool is_ipv4)
{
	struct pnm_flow *flow = last_flow(socket);
	struct pnm_overflow *entry = flow ? NULL : overflow_for(sk, socket);
	struct pnm_counters *counters = flow ? &flow->counters : entry ? &entry->counters : NULL;
	__u64 bytes = LAST_PACKET_BYTES + (is_ipv4 ? 0 : sizeof(struct ipv6hdr) - sizeof(struct iphdr));

	if (!counters || !settings.network_namespace)
		return 0;
	if (entry)
		entry->flags |= PNM_FLOW_WIRE_ESTIMATE;
	__sync_fetch_and_add(&counters->wire_rx_packets, 1);
	__sync_fetch_and_add(&counters->wire_rx_bytes, bytes);
	__sync_fetch_and_add(&counters->wire_tx_packets, 1);
	__sync_fetch_and_add(&counters->wire_tx_bytes, bytes);
	return 0;
}

/* The kernel keeps an entry for a connection from now on: in TIME_WAIT, or in FIN_WAIT2 as long as the peer
 * has not closed. */
static __always_inline void time_wait_begin(const struct pnm_socket *socket, const struct pnm_owner *owner,
					    const struct endpoints *ends, bool is_finished, bool is_bound)
{
	struct pnm_flow *flow = last_flow(socket);
	bool is_elsewhere = socket->flags & PNM_SOCKET_FOREIGN;

	if (flow) {
		flow->state = is_finished ? TCP_TIME_WAIT : TCP_FIN_WAIT2;
		flow->time_wait = is_bound || is_elsewhere ? PNM_TIME_WAIT_ASSUMED : PNM_TIME_WAIT_KEPT;
		/* What arrives from now on, late or once more, passes no hook there. */
		if (is_elsewhere)
			wire_estimate_mark(flow);
	}
	/* The map knows connections of one network namespace only. */
	if (is_elsewhere && settings.network_namespace)
		return;
	struct pnm_connection key;

	connection_key(&key, &ends->local, ends->local_port, &ends->remote, ends->remote_port);
	time_wait_note(socket, owner, &key);
}

#endif
