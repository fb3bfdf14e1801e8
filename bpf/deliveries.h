/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* One packet that several sockets receive: each gets its content, so each counts the payload; it crossed the
 * wire once, so one of them counts the wire. Members of a multicast group share a packet, raw sockets receive
 * copies of what may belong to others, and what comes for a connection that is being made may be handed on
 * from the listening socket. */
#ifndef PROCNETMON_DELIVERIES_H
#define PROCNETMON_DELIVERIES_H

#include "maps.h"
#include "packet.h"

/* skb->pkt_type, as in <linux/if_packet.h>. */
#define PACKET_TO_THIS_HOST 0
#define PACKET_LOOPED_BACK  5 /* multicast and broadcast of this host, which never crossed the wire */

/* Protocols whose packets belong to a socket of the transport, never to a raw socket that listens in. */
static __always_inline bool is_transport(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

static __always_inline bool is_to_many(const struct __sk_buff *skb, const struct packet *packet)
{
	if (skb->pkt_type != PACKET_TO_THIS_HOST)
		return true;
	/* On a loopback interface the link layer does not tell. */
	return packet->is_ipv4 ? (packet->destination.bytes[12] & 0xf0) == 0xe0
			       : packet->destination.bytes[0] == 0xff;
}

static __always_inline bool addresses_equal(const union address *a, const union address *b)
{
	return !((a->halves[0] ^ b->halves[0]) | (a->halves[1] ^ b->halves[1]));
}

/* Whether a packet was delivered to another socket a moment ago. The kernel hands a packet to all its sockets
 * in one go, on one CPU, and always in the same order: when what looks the same comes to the first of them
 * again, or twice in a row to one, it is another packet. */
static __always_inline bool is_delivered_copy(const struct __sk_buff *skb, const struct pnm_socket *socket,
					      const struct packet *packet)
{
	__u32 zero = 0;
	__u64 cookie = socket->cookie;
	struct pnm_delivery *last = bpf_map_lookup_elem(&deliveries, &zero);

	if (!last)
		return false;
	__u32 difference =
	    (last->interface_index ^ skb->ifindex) | (last->total_bytes ^ packet->total_bytes) |
	    (last->identification ^ packet->identification) | (last->protocol ^ packet->protocol) |
	    (last->is_foreign ^ (socket->flags & PNM_SOCKET_FOREIGN)) |
	    (last->source_port ^ packet->source_port) | (last->destination_port ^ packet->destination_port);

	if (!difference && last->first_socket != cookie && last->last_socket != cookie &&
	    addresses_equal((union address *)last->source, &packet->source) &&
	    addresses_equal((union address *)last->destination, &packet->destination)) {
		last->last_socket = cookie;
		return true;
	}
	__builtin_memcpy(last->source, packet->source.bytes, sizeof(last->source));
	__builtin_memcpy(last->destination, packet->destination.bytes, sizeof(last->destination));
	last->first_socket = cookie;
	last->last_socket = cookie;
	last->interface_index = skb->ifindex;
	last->total_bytes = packet->total_bytes;
	last->identification = packet->identification;
	last->source_port = packet->source_port;
	last->destination_port = packet->destination_port;
	last->protocol = packet->protocol;
	last->is_foreign = socket->flags & PNM_SOCKET_FOREIGN;
	return false;
}

/* It is handed on at once, unless the processor is taken from a virtual machine meanwhile, which is when it
 * happens most. The peer may say the same again once the answer to its SYN is sent again, a second later. */
#define HANDED_ON_NS (500 * 1000000ull)

/* Whether a packet has come to the listening socket a moment ago: that is where the kernel takes it first
 * while the connection is being made. When another CPU has made it meanwhile, by a packet that came just
 * before, it goes on to the connection. Until that is established, an accepted socket looks like the
 * listening one. */
STEP bool is_handed_on(const struct pnm_socket *socket, const struct packet *packet)
{
	__u32 zero = 0;
	struct pnm_arrival *last = bpf_map_lookup_elem(&arrivals, &zero);

	if (!last)
		return false;
	__u32 difference = (last->sequence ^ packet->sequence) | (last->acknowledged ^ packet->acknowledged) |
			   (last->total_bytes ^ packet->total_bytes) |
			   (last->source_port ^ packet->source_port) |
			   (last->destination_port ^ packet->destination_port);

	/* On a path of MPTCP the peer says at once again what ended the handshake. */
	if (!difference && !(socket->flags & (PNM_SOCKET_PATH | PNM_SOCKET_LATER_PATH)) &&
	    addresses_equal((union address *)last->source, &packet->source) &&
	    bpf_ktime_get_ns() - last->arrived_ns < HANDED_ON_NS) {
		last->arrived_ns = 0;
		return true;
	}
	if (!(socket->flags & PNM_SOCKET_LISTENING))
		return false;
	__builtin_memcpy(last->source, packet->source.bytes, sizeof(last->source));
	last->sequence = packet->sequence;
	last->acknowledged = packet->acknowledged;
	last->total_bytes = packet->total_bytes;
	last->source_port = packet->source_port;
	last->destination_port = packet->destination_port;
	last->arrived_ns = bpf_ktime_get_ns();
	return false;
}

static __always_inline void echo_key(struct pnm_echo *key, const struct packet *packet, bool is_out)
{
	const union address *local = is_out ? &packet->source : &packet->destination;
	const union address *remote = is_out ? &packet->destination : &packet->source;

	__builtin_memcpy(key->local_address, local->bytes, sizeof(key->local_address));
	__builtin_memcpy(key->remote_address, remote->bytes, sizeof(key->remote_address));
	key->identifier = packet->echo_identifier;
}

/* Every raw ICMP socket receives every answer: remembers who asked. */
static __always_inline void echo_request_note(const struct pnm_socket *socket, const struct packet *packet)
{
	struct pnm_echo key;
	__u64 cookie = socket->cookie;

	echo_key(&key, packet, true);
	bpf_map_update_elem(&echo_requests, &key, &cookie, BPF_ANY);
}

/* Whether what a packet took on the wire counts on this socket, one of perhaps several that receive it. */
static __always_inline bool has_crossed_wire(const struct __sk_buff *skb, const struct pnm_socket *socket,
					     const struct packet *packet)
{
	bool is_raw = socket->flags & PNM_SOCKET_RAW;

	if (skb->pkt_type == PACKET_LOOPED_BACK)
		return false;
	if (packet->echo == ECHO_REPLY) {
		struct pnm_echo key;

		echo_key(&key, packet, false);
		__u64 *asker = bpf_map_lookup_elem(&echo_requests, &key);

		if (asker)
			return *asker == socket->cookie;
	}
	if (!is_raw && packet->protocol == IPPROTO_TCP)
		return !is_handed_on(socket, packet);
	if (is_raw ? is_transport(packet->protocol) : !is_to_many(skb, packet))
		return !is_raw;
	return !is_delivered_copy(skb, socket, packet);
}

#endif
