/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Why a connection fails or ends early. No hook is told the socket's error, so it is worked out from what the
 * kernel works it out from: resets, retransmissions that expire, ICMP messages, and whether the program
 * closed first. */
#ifndef PROCNETMON_FAILURE_H
#define PROCNETMON_FAILURE_H

#include "flow.h"
#include "ownership.h"
#include "packet.h"
#include "tcp.h"

#define MAXIMUM_SYN_DATA 0xffff

/* A reset that the peer sent. Whether TCP accepts it is seen at the end of the connection, by its sequence
 * number (RFC 5961); for an answer to the SYN the acknowledgement says so at once. */
static __always_inline void reset_note(struct pnm_socket *socket, const struct packet *packet, __u32 snd_una,
				       __u8 state)
{
	/* The answer may be here before the kernel has noted that the SYN, with some data perhaps, is sent.
	 */
	if (state == TCP_SYN_SENT && packet->acknowledged - snd_una - 1 > MAXIMUM_SYN_DATA)
		return;
	socket->reset_at = packet->sequence;
	socket->reset_seen = 1;
}

/* Why TCP closed a socket: the order is that in which the kernel decides. */
static __always_inline enum pnm_reason reason_of_end(const struct pnm_socket *socket, __u8 previous_state,
						     __u32 rcv_nxt)
{
	bool is_attempt = previous_state == TCP_SYN_SENT;

	if (previous_state == TCP_LISTEN)
		return PNM_REASON_NONE;
	/* One less where the peer's FIN was answered already. */
	if (socket->reset_seen && (is_attempt || rcv_nxt - socket->reset_at <= 1))
		return is_attempt ? PNM_REASON_REFUSED : PNM_REASON_RESET;
	/* What ICMP told last is the error that the program gets then. */
	if (socket->is_expired)
		return socket->obstacle ? socket->obstacle : PNM_REASON_TIMED_OUT;
	if (previous_state == TCP_LAST_ACK || previous_state == TCP_CLOSING ||
	    previous_state == TCP_FIN_WAIT2)
		return PNM_REASON_NONE;
	if (socket->is_released)
		return PNM_REASON_ABORTED;
	/* Nothing else ends an attempt that the program still waits for. */
	if (is_attempt)
		return socket->obstacle ? socket->obstacle : PNM_REASON_UNREACHABLE;
	/* Keep-alive and probes of a closed window have no callback. */
	return socket->obstacle ? socket->obstacle : PNM_REASON_TIMED_OUT;
}

/* A reset that is sent when the socket is closed already says that this end gave up. */
static __always_inline void own_reset_note(struct pnm_flow *flow, __u8 state)
{
	if (state != TCP_CLOSE)
		return;
	if (flow->reason == PNM_REASON_NONE || flow->reason == PNM_REASON_TIMED_OUT)
		flow->reason = PNM_REASON_ABORTED;
	flow->state = TCP_CLOSE;
	flow->time_wait = PNM_TIME_WAIT_NONE;
	/* It may be the first packet that counts on this flow. */
	if (!flow->closed_ns)
		flow->closed_ns = bpf_ktime_get_ns();
	flow->flags |= PNM_FLOW_CLOSED;
}

/* The peer is heard: nothing stands in the way. */
static __always_inline void obstacle_clear(struct pnm_socket *socket, struct pnm_flow *flow)
{
	if (flow->reason && !(flow->flags & PNM_FLOW_CLOSED)) {
		flow->reason = PNM_REASON_NONE;
		socket->obstacle = PNM_REASON_NONE;
	}
}

/* --- connect() that fails before anything is sent --- */

static __always_inline void attempt_note(struct pnm_socket *socket, const struct bpf_sock_addr *context,
					 const union address *remote)
{
	__builtin_memcpy(socket->attempted_address, remote->bytes, sizeof(socket->attempted_address));
	socket->attempted_port = bpf_ntohs((__be16)context->user_port);
	socket->is_attempting = 1;
}

/* connect() was called, and TCP never began to connect: no route, no permission, or no free port. */
static __always_inline void attempt_settle(struct pnm_socket *socket, const struct pnm_owner *owner)
{
	struct endpoints ends = {};
	struct event_detail detail = {.reason = PNM_REASON_LOCAL};

	if (!socket->is_attempting)
		return;
	socket->is_attempting = 0;
	__builtin_memcpy(ends.remote.bytes, socket->attempted_address, sizeof(ends.remote));
	ends.remote_port = socket->attempted_port;
	event_emit_with(PNM_EVENT_FAILED, owner, socket->cookie, IPPROTO_TCP, true, &ends, detail);
}

/* --- ICMP --- */

#define ICMP_HEADER_BYTES              8
#define ICMP_DESTINATION_UNREACHABLE   3
#define ICMP_TIME_EXCEEDED             11
#define ICMPV6_DESTINATION_UNREACHABLE 1
#define ICMPV6_TIME_EXCEEDED           3

static __always_inline enum pnm_reason reason_of_icmpv4(__u8 type, __u8 code)
{
	if (type == ICMP_TIME_EXCEEDED)
		return PNM_REASON_HOP_LIMIT;
	if (type != ICMP_DESTINATION_UNREACHABLE)
		return PNM_REASON_NONE;
	switch (code) {
	case 0:  /* network unreachable */
	case 6:  /* network unknown */
	case 11: /* network unreachable for this type of service */
		return PNM_REASON_NETWORK_UNREACHABLE;
	case 2:
		return PNM_REASON_PROTOCOL_UNREACHABLE;
	case 3:
		return PNM_REASON_PORT_UNREACHABLE;
	case 4: /* fragmentation needed: no failure */
		return PNM_REASON_NONE;
	case 9:  /* network, */
	case 10: /* host, */
	case 13: /* communication administratively prohibited */
		return PNM_REASON_PROHIBITED;
	default:
		return PNM_REASON_HOST_UNREACHABLE;
	}
}

static __always_inline enum pnm_reason reason_of_icmpv6(__u8 type, __u8 code)
{
	if (type == ICMPV6_TIME_EXCEEDED)
		return PNM_REASON_HOP_LIMIT;
	if (type != ICMPV6_DESTINATION_UNREACHABLE)
		return PNM_REASON_NONE;
	switch (code) {
	case 0:
		return PNM_REASON_NETWORK_UNREACHABLE;
	case 1: /* administratively prohibited */
	case 5: /* source address failed policy */
	case 6: /* reject route */
		return PNM_REASON_PROHIBITED;
	case 4:
		return PNM_REASON_PORT_UNREACHABLE;
	default:
		return PNM_REASON_HOST_UNREACHABLE;
	}
}

/* The packet that an ICMP message is about, as the socket that sent it sees it. */
struct returned {
	struct endpoints ends;
	__u32 sequence_at; /* TCP */
	__u8 protocol;
};

/* What an ICMP message says of a packet, and of which. PNM_REASON_NONE where nothing failed, or not enough of
 * the packet is there. */
STEP __u64 returned_read(struct __sk_buff *skb, const struct packet *message, struct returned *returned)
{
	__u8 type_and_code[2];
	struct {
		__be16 source;
		__be16 destination;
		__be32 sequence;
	} transport;
	__u32 offset = message->network_header_bytes;

	if (bpf_skb_load_bytes_relative(skb, offset, type_and_code, sizeof(type_and_code), BPF_HDR_START_NET))
		return PNM_REASON_NONE;
	enum pnm_reason reason = message->is_ipv4 ? reason_of_icmpv4(type_and_code[0], type_and_code[1])
						  : reason_of_icmpv6(type_and_code[0], type_and_code[1]);

	if (reason == PNM_REASON_NONE)
		return PNM_REASON_NONE;
	offset += ICMP_HEADER_BYTES;
	if (message->is_ipv4) {
		struct iphdr ip;

		if (bpf_skb_load_bytes_relative(skb, offset, &ip, sizeof(ip), BPF_HDR_START_NET))
			return PNM_REASON_NONE;
		returned->protocol = ip.protocol;
		address_from_ipv4(&returned->ends.local, ip.saddr);
		address_from_ipv4(&returned->ends.remote, ip.daddr);
		offset += ip.ihl * 4;
	} else {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes_relative(skb, offset, &ip, sizeof(ip), BPF_HDR_START_NET))
			return PNM_REASON_NONE;
		returned->protocol = ip.nexthdr;
		__builtin_memcpy(&returned->ends.local, &ip.saddr, sizeof(returned->ends.local));
		__builtin_memcpy(&returned->ends.remote, &ip.daddr, sizeof(returned->ends.remote));
		offset += sizeof(ip);
	}
	if (returned->protocol != IPPROTO_TCP && returned->protocol != IPPROTO_UDP)
		return PNM_REASON_NONE;
	/* Of UDP these are the whole header. */
	if (bpf_skb_load_bytes_relative(skb, offset, &transport, sizeof(transport), BPF_HDR_START_NET))
		return PNM_REASON_NONE;
	returned->ends.local_port = bpf_ntohs(transport.source);
	returned->ends.remote_port = bpf_ntohs(transport.destination);
	returned->sequence_at = bpf_ntohl(transport.sequence);
	return forgotten(reason);
}

/* TCP goes on trying, but for an attempt to connect: the kernel ends that right after. */
static __always_inline void connection_obstructed(struct bpf_sock *sk, const struct returned *returned,
						  enum pnm_reason reason)
{
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	/* Only who has seen our packets knows their sequence numbers. */
	if (!socket || !tcp || (__s32)(returned->sequence_at - tcp->snd_una) < 0 ||
	    (__s32)(tcp->snd_nxt - returned->sequence_at) < 0)
		return;
	socket->obstacle = reason;
	struct pnm_flow *flow = last_flow(socket);

	if (flow && !(flow->flags & PNM_FLOW_CLOSED))
		flow->reason = reason;
}

/* Said once, until the peer is heard: each datagram that is lost may bring a message. */
STEP int datagram_obstructed(struct __sk_buff *skb, struct bpf_sock *sk, const struct returned *returned,
			     enum pnm_reason reason)
{
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct pnm_flow_key key;

	if (!socket || !owner)
		return 0;
	struct pnm_flow *flow = last_flow(socket);

	if (flow)
		flow_key_fill(&key, socket, &returned->ends, flow->key.interface_index);
	if (!flow || !key_equals(&flow->key, &key)) {
		flow_key_fill(&key, socket, &returned->ends, skb->ifindex);
		__u32 *slot = bpf_map_lookup_elem(&flow_index, &key);

		flow = slot ? flow_at(*slot, &key) : NULL;
	}
	if (!flow || flow->reason == reason)
		return 0;
	flow->reason = reason;
	struct event_detail detail = {.reason = reason, .duration_ns = bpf_ktime_get_ns() - flow->opened_ns};

	event_emit_with(PNM_EVENT_FAILED, owner, socket->cookie, IPPROTO_UDP, true, &returned->ends, detail);
	return 0;
}

/* An ICMP message that a packet of ours did not arrive. Those of other network namespaces pass no hook. */
STEP int unreachable_note(struct __sk_buff *skb, const struct packet *message)
{
	struct bpf_sock_tuple tuple = {};
	struct returned returned = {};
	enum pnm_reason reason = returned_read(skb, message, &returned);

	if (reason == PNM_REASON_NONE)
		return 0;
	__u32 tuple_bytes = tuple_of(&tuple, &returned.ends.remote, returned.ends.remote_port,
				     &returned.ends.local, returned.ends.local_port, message->is_ipv4);

	if (returned.protocol == IPPROTO_TCP) {
		struct bpf_sock *found = bpf_skc_lookup_tcp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);

		if (!found)
			return 0;
		struct bpf_sock *sk = bpf_sk_fullsock(found);

		if (sk && sk->state != TCP_LISTEN)
			connection_obstructed(sk, &returned, reason);
		bpf_sk_release(found);
	} else {
		struct bpf_sock *sk = bpf_sk_lookup_udp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);

		if (!sk)
			return 0;
		datagram_obstructed(skb, sk, &returned, reason);
		bpf_sk_release(sk);
	}
	return 0;
}

#endif
