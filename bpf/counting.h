/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Puts a packet, or a bundle of segments, on the flow that it belongs to: what it takes on the wire, and what
 * it moves of the payload. */
#ifndef PROCNETMON_COUNTING_H
#define PROCNETMON_COUNTING_H

#include "capture.h"
#include "deliveries.h"
#include "failure.h"
#include "flow.h"
#include "ownership.h"
#include "packet.h"
#include "tcp.h"

static __always_inline struct pnm_wire_amount wire_amount_of(const struct __sk_buff *skb,
							     const struct packet *packet, __u32 network_bytes,
							     __u32 link_header_bytes)
{
	__u32 segments = skb->gso_segs > 1 ? skb->gso_segs : 1;
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;
	struct pnm_wire_amount amount = {
	    .bytes = (__u64)network_bytes + (__u64)segments * link_header_bytes +
		     (__u64)(segments - 1) * header_bytes,
	    .packets = segments,
	};

	return amount;
}

/* The content of a datagram, or of a bundle of them: the UDP header of a bundle tells one segment's length.
 * It is what follows the header of the layer that the socket is above: of UDP; for raw sockets of IP, and for
 * packet sockets of the link. */
static __always_inline __u32 datagram_content(const struct __sk_buff *skb, const struct pnm_socket *socket,
					      const struct packet *packet, __u32 network_bytes)
{
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;

	if (socket->flags & PNM_SOCKET_PACKET)
		return network_bytes;
	if (socket->flags & PNM_SOCKET_RAW)
		header_bytes = packet->network_header_bytes;
	else if (skb->gso_segs <= 1)
		return packet->payload_bytes;
	return network_bytes > header_bytes ? network_bytes - header_bytes : 0;
}

static __always_inline void count_payload(struct pnm_counters *counters, struct payload_delta payload)
{
	if (payload.sent)
		__sync_fetch_and_add(&counters->payload_tx_bytes, payload.sent);
	if (payload.received)
		__sync_fetch_and_add(&counters->payload_rx_bytes, payload.received);
}

static __always_inline void count(struct pnm_counters *counters, bool is_out, struct pnm_wire_amount wire,
				  struct payload_delta payload)
{
	if (is_out) {
		__sync_fetch_and_add(&counters->wire_tx_bytes, wire.bytes);
		__sync_fetch_and_add(&counters->wire_tx_packets, wire.packets);
	} else {
		__sync_fetch_and_add(&counters->wire_rx_bytes, wire.bytes);
		__sync_fetch_and_add(&counters->wire_rx_packets, wire.packets);
	}
	count_payload(counters, payload);
}

static __always_inline bool has_ports(const struct pnm_socket *socket, __u32 protocol)
{
	return !(socket->flags & (PNM_SOCKET_RAW | PNM_SOCKET_PACKET)) &&
	       (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
}

/* The peer of a datagram on a socket that is not connected: the packet names it. Fragments after the first
 * have no ports; they follow the first one on the same socket, whose flow is still at hand. */
static __always_inline void take_peer_from_packet(struct endpoints *ends, const struct pnm_socket *socket,
						  const struct packet *packet, bool is_out)
{
	ends->remote = is_out ? packet->destination : packet->source;
	ends->remote_port = is_out ? packet->destination_port : packet->source_port;
	if (!packet->is_later_fragment)
		return;
	struct pnm_flow *last = last_flow(socket);

	if (last)
		ends->remote_port = last->key.remote_port;
}

/* Where a datagram goes to and comes from. Without ports it is the packet that tells, and of a socket's own
 * number only the identifier of a ping socket means anything. */
static __always_inline void datagram_ends(struct endpoints *ends, const struct pnm_socket *socket,
					  __u32 protocol, const struct packet *packet, bool is_out)
{
	bool with_ports = has_ports(socket, protocol);

	if (!with_ports || !ends->remote_port)
		take_peer_from_packet(ends, socket, packet, is_out);
	if (!with_ports)
		ends->remote_port = 0;
	if (socket->flags & (PNM_SOCKET_RAW | PNM_SOCKET_PACKET))
		ends->local_port = 0;
	ends->local = is_out ? packet->source : packet->destination;
}

/* Puts one packet on its flow, or on its process when the flow pool is full. */
static __always_inline void count_packet(struct __sk_buff *skb, struct bpf_sock *sk,
					 struct pnm_socket *socket, const struct packet *packet, bool is_out,
					 __u32 network_bytes, struct pnm_wire_amount wire)
{
	struct payload_delta payload = {};
	struct endpoints ends;
	struct pnm_flow_key key = {};
	struct bpf_tcp_sock *tcp = NULL;
	__u8 state = PNM_STATE_DATAGRAM;
	__u32 protocol = sk->protocol;

	endpoints_of_socket(&ends, sk);
	if (protocol == IPPROTO_TCP && !(socket->flags & PNM_SOCKET_RAW)) {
		/* What an accepted socket inherits is the listener's until it is established: so is its
		 * traffic. */
		state = socket->flags & PNM_SOCKET_LISTENING ? TCP_LISTEN : sk->state;
		if (state != TCP_LISTEN) {
			tcp = bpf_tcp_sock(sk);
			if (!is_out)
				note_peer_fin(socket, packet);
			if (tcp && packet->is_reset && !is_out)
				reset_note(socket, packet, tcp, state);
		}
		if (tcp) {
			struct tcp_progress now = {
			    .bytes_acked = tcp->bytes_acked,
			    .bytes_received = tcp->bytes_received,
			    .rcv_nxt = tcp->rcv_nxt,
			    .snd_nxt = tcp->snd_nxt,
			    .snd_una = tcp->snd_una,
			    .state = state,
			    .previous_state = state,
			};

			payload = payload_advance(socket, &now);
		}
	} else {
		__u32 content = datagram_content(skb, socket, packet, network_bytes);

		datagram_ends(&ends, socket, protocol, packet, is_out);
		payload.sent = is_out ? content : 0;
		payload.received = is_out ? 0 : content;
		if (packet->is_echo_request && is_out)
			echo_request_note(socket, packet);
	}

	flow_key_fill(&key, socket, &ends, skb->ifindex);
	struct pnm_flow *flow = flow_for(sk, socket, &key, &ends, protocol_of(socket, protocol), state);

	if (!flow) {
		socket->overflow_interface = skb->ifindex;
		struct pnm_counters *counters = overflow_for(sk, socket);

		if (counters)
			count(counters, is_out, wire, payload);
		return;
	}
	count(&flow->counters, is_out, wire, payload);
	flow->last_ns = bpf_ktime_get_ns();
	if (flow->time_wait == PNM_TIME_WAIT_NONE)
		flow->state = state;
	if (!is_out && !packet->is_reset)
		obstacle_clear(socket, flow);
	if (is_out && packet->is_reset)
		own_reset_note(flow, state);
	if (tcp) {
		flow->rtt_us = tcp->srtt_us >> 3;
		flow->retransmits = tcp->total_retrans;
	}
	if (tcp || has_ports(socket, protocol))
		payload_inspect(skb, socket, flow, packet, tcp, is_out, network_bytes);
}

#endif
