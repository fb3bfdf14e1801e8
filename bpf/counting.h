/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Puts a packet, or a bundle of segments, on the flow that it belongs to: what it takes on the wire, and what
 * it moves of the payload. */
#ifndef PROCNETMON_COUNTING_H
#define PROCNETMON_COUNTING_H

#include "capture.h"
#include "deliveries.h"
#include "failure.h"
#include "flow.h"
#include "ipsec.h"
#include "ownership.h"
#include "packet.h"
#include "tally.h"
#include "tcp.h"

/* Of a bundle (GSO, GRO); 1 for a packet. A virtual machine's interface, or a tap, tells of what it hands
 * over no more than how much of the content each segment has. */
static __always_inline __u32 segments_of(const struct __sk_buff *skb, const struct packet *packet,
					 __u32 network_bytes)
{
	__u32 segments = skb->gso_segs, segment_bytes = skb->gso_size;
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;

	if (!segments && segment_bytes && network_bytes > header_bytes)
		segments = (network_bytes - header_bytes + segment_bytes - 1) / segment_bytes;
	return forgotten(segments > 1 ? segments : 1);
}

#define JUMBO_OPTION_BYTES 8

/* What stands in each segment, for the hooks at least, and not on the wire. */
static __always_inline __u32 bytes_for_nothing(const struct packet *packet)
{
	return packet->has_jumbo_option ? JUMBO_OPTION_BYTES : 0;
}

static __always_inline struct pnm_wire_amount wire_amount_of(const struct __sk_buff *skb,
							     const struct packet *packet, __u32 network_bytes,
							     __u32 link_header_bytes)
{
	__u32 segments = segments_of(skb, packet, network_bytes);
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;
	struct pnm_wire_amount amount = {
	    .bytes = (__u64)network_bytes + (__u64)segments * link_header_bytes +
		     (__u64)(segments - 1) * header_bytes - (__u64)segments * bytes_for_nothing(packet),
	    .packets = segments,
	};

	return amount;
}

/* The content of a datagram, or of a bundle of them: the UDP header of a bundle tells one segment's length.
 * It is what follows the header of the layer that the socket is above: of UDP; for raw sockets of IP, and for
 * packet sockets of the link. */
static __always_inline __u32 datagram_content(const struct __sk_buff *skb, const struct pnm_socket *socket,
					      const struct packet *packet, __u32 network_bytes,
					      __u32 protocol)
{
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;

	if (socket->flags & PNM_SOCKET_PACKET)
		return network_bytes;
	if (socket->flags & PNM_SOCKET_RAW)
		header_bytes = packet->network_header_bytes;
	/* Of fragments each adds its part; UDP's header alone gives the whole. */
	else if (packet->is_later_fragment && protocol == IPPROTO_UDP)
		return 0;
	else if (skb->gso_segs <= 1)
		return packet->payload_bytes;
	return network_bytes > header_bytes ? network_bytes - header_bytes : 0;
}

static __always_inline void count_payload(struct pnm_counters *counters, const struct payload_delta *payload)
{
	if (payload->sent)
		__sync_fetch_and_add(&counters->payload_tx_bytes, payload->sent);
	if (payload->received)
		__sync_fetch_and_add(&counters->payload_rx_bytes, payload->received);
}

static __always_inline void count_wire(struct pnm_counters *counters, const struct tally *tally)
{
	if (tally->is_out) {
		__sync_fetch_and_add(&counters->wire_tx_bytes, tally->wire.bytes);
		__sync_fetch_and_add(&counters->wire_tx_packets, tally->wire.packets);
	} else {
		__sync_fetch_and_add(&counters->wire_rx_bytes, tally->wire.bytes);
		__sync_fetch_and_add(&counters->wire_rx_packets, tally->wire.packets);
	}
}

/* What TCP has done since it was asked last. */
static __always_inline void progress_count(struct pnm_flow *flow, const struct tcp_progress *now,
					   const struct payload_delta *payload)
{
	count_payload(&flow->counters, payload);
	flow->state = now->state;
	flow->rtt_us = now->rtt_us;
	flow->retransmits = now->retransmits;
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
	address_copy(&ends->remote, is_out ? &packet->destination : &packet->source);
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
		ends->remote_port = forgotten(0);
	if (socket->flags & (PNM_SOCKET_RAW | PNM_SOCKET_PACKET))
		ends->local_port = forgotten(0);
	address_copy(&ends->local, is_out ? &packet->source : &packet->destination);
}

/* As datagram_ends(), of a datagram that is hidden: the peer is that of the socket, or where it was told
 * to send to. */
static __always_inline void hidden_ends(struct endpoints *ends, const struct pnm_socket *socket,
					__u32 protocol, const struct packet *packet)
{
	if (!ends->remote_port) {
		address_copy(&ends->remote, (const union address *)socket->attempted_address);
		ends->remote_port = socket->attempted_port;
	}
	if (!has_ports(socket, protocol))
		ends->remote_port = forgotten(0);
	if (socket->flags & PNM_SOCKET_RAW)
		ends->local_port = forgotten(0);
	if (!(ends->local.halves[0] | ends->local.words[3]))
		address_copy(&ends->local, &packet->source);
}

/* What was sent of a datagram that is hidden. Only behind AH its headers are known to be what they are taken
 * for. */
STEP int hidden_tally(const struct pnm_socket *socket, const struct packet *packet, struct tally *tally,
		      __u32 protocol)
{
	tcp_progress_clear(&tally->tcp);
	tally->protocol = protocol_of(socket, protocol);
	tally->state = PNM_STATE_DATAGRAM;
	hidden_ends(&tally->ends, socket, protocol, packet);
	__u32 inner_header_bytes = 0;

	if (!addresses_equal(&tally->ends.remote, &packet->destination))
		inner_header_bytes =
		    address_is_ipv4(&tally->ends.remote) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	if (has_ports(socket, protocol))
		inner_header_bytes += sizeof(struct udphdr);
	tally->payload.sent = hidden_content(packet, forgotten(inner_header_bytes));
	tally->is_payload_estimate = forgotten(packet->protocol != IPPROTO_AH);
	tally->ends.remote_port = forgotten(tally->ends.remote_port);
	return 0;
}

STEP int datagram_tally(struct __sk_buff *skb, struct pnm_socket *socket, const struct packet *packet,
			struct tally *tally, __u32 protocol)
{
	__u64 content = forgotten(datagram_content(skb, socket, packet, tally->network_bytes, protocol));

	tcp_progress_clear(&tally->tcp);
	tally->protocol = protocol_of(socket, protocol);
	tally->state = PNM_STATE_DATAGRAM;
	datagram_ends(&tally->ends, socket, protocol, packet, tally->is_out);
	if (tally->is_out)
		tally->payload.sent = content;
	else
		tally->payload.received = content;
	tally->ends.remote_port = forgotten(tally->ends.remote_port);
	if (packet->echo == ECHO_REQUEST && tally->is_out)
		echo_request_note(socket, packet);
	return 0;
}

static __always_inline void connection_tally(struct bpf_sock *sk, struct pnm_socket *socket,
					     const struct packet *packet, struct tally *tally)
{
	/* What an accepted socket inherits is the listener's until it is established: so is its traffic. */
	__u8 state = socket->flags & PNM_SOCKET_LISTENING ? TCP_LISTEN : sk->state;

	state = forgotten(state);
	tally->protocol = IPPROTO_TCP;
	tally->state = state;
	if (state == TCP_LISTEN) {
		tcp_progress_clear(&tally->tcp);
		return;
	}
	if (!tally->is_out)
		note_peer_fin(socket, packet, tally->network_bytes);
	if (!tcp_progress_read(&tally->tcp, sk, state)) {
		tcp_progress_clear(&tally->tcp);
		return;
	}
	tally->is_connection = true;
	if (packet->is_reset && !tally->is_out)
		reset_note(socket, packet, tally->tcp.snd_una, state);
	payload_advance(socket, &tally->tcp, &tally->payload);
}

/* What this packet makes an estimate of the flow, or whatever else it counts on. */
static __always_inline __u32 estimate_flags(const struct pnm_socket *socket, const struct tally *tally)
{
	return (tally->is_estimate | socket->is_encapsulated ? PNM_FLOW_WIRE_ESTIMATE : 0) |
	       (tally->is_payload_estimate | socket->has_other_paths ? PNM_FLOW_PAYLOAD_ESTIMATE : 0);
}

STEP int overflow_count(struct bpf_sock *sk, struct pnm_socket *socket, const struct tally *tally,
			__u32 interface_index)
{
	socket->overflow_interface = interface_index;
	struct pnm_overflow *entry = overflow_for(sk, socket);

	if (!entry)
		return 0;
	count_wire(&entry->counters, tally);
	count_payload(&entry->counters, &tally->payload);
	entry->flags |= estimate_flags(socket, tally);
	return 0;
}

/* Nothing so far. */
static __always_inline void tally_begin(struct tally *tally, bool is_out, __u32 network_bytes)
{
	__u64 zero = forgotten(0);

	tally->wire.bytes = zero;
	tally->wire.packets = zero;
	tally->payload.sent = zero;
	tally->payload.received = zero;
	tally->network_bytes = network_bytes;
	tally->is_out = is_out;
	tally->is_connection = zero;
	tally->is_estimate = zero;
	tally->is_payload_estimate = zero;
}

/* Counts a packet on its flow, or on its process when the flow pool is full: NULL then. */
static __always_inline struct pnm_flow *flow_count(struct __sk_buff *skb, struct bpf_sock *sk,
						   struct pnm_socket *socket, const struct tally *tally)
{
	struct pnm_flow *flow = flow_again(socket, &tally->ends, skb->ifindex);

	if (!flow)
		flow = flow_find(sk, socket, tally, skb->ifindex);
	if (!flow) {
		overflow_count(sk, socket, tally, skb->ifindex);
		return NULL;
	}
	count_wire(&flow->counters, tally);
	count_payload(&flow->counters, &tally->payload);
	flow->last_ns = bpf_ktime_get_ns();
	return flow;
}

/* Puts what is sent for a connection that has no socket yet on the flow of the listening one. */
static __always_inline void listener_count(struct __sk_buff *skb, struct bpf_sock *sk,
					   struct pnm_socket *socket, struct tally *tally)
{
	endpoints_of_socket(&tally->ends, sk);
	tally->protocol = IPPROTO_TCP;
	tally->state = TCP_LISTEN;
	flow_count(skb, sk, socket, tally);
}

/* Puts one packet on its flow, or on its process when the flow pool is full. Of `tally` what it takes on the
 * wire is given. */
static __always_inline void count_packet(struct __sk_buff *skb, struct bpf_sock *sk,
					 struct pnm_socket *socket, const struct packet *packet,
					 struct tally *tally)
{
	__u32 protocol = sk->protocol;

	endpoints_of_socket(&tally->ends, sk);
	if (protocol == IPPROTO_TCP && !(socket->flags & PNM_SOCKET_RAW))
		connection_tally(sk, socket, packet, tally);
	else if (tally->is_out && is_hidden(packet, sk, socket))
		hidden_tally(socket, packet, tally, protocol);
	else
		datagram_tally(skb, socket, packet, tally, protocol);

	struct pnm_flow *flow = flow_count(skb, sk, socket, tally);

	if (!flow)
		return;
	__u32 estimates = estimate_flags(socket, tally);

	if (estimates)
		flow->flags |= estimates;
	if (flow->time_wait == PNM_TIME_WAIT_NONE)
		flow->state = tally->state;
	if (!tally->is_out && !packet->is_reset)
		obstacle_clear(socket, flow);
	if (tally->is_out && packet->is_reset)
		own_reset_note(flow, tally->state);
	if (tally->is_connection) {
		flow->rtt_us = tally->tcp.rtt_us;
		flow->retransmits = tally->tcp.retransmits;
	}
	if (may_be_inspected(flow) && (tally->is_connection || has_ports(socket, tally->protocol)))
		payload_inspect(skb, socket, flow, packet, tally);
}

#endif
