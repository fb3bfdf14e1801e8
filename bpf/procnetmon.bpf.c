// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel half: who owns a socket, and what passes it.
 *
 * Ownership comes from hooks that run in the caller's own context (cgroup sock_create and connect); counting
 * from tc, which sees packets as the interface carries them, and from cgroup_skb for what tc cannot
 * attribute. Only stable interfaces are used: no kernel structs, no kprobes, no tracing programs, so one
 * object serves every kernel from 5.10 on, a locked-down one too. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "procnetmon.h"
#include "maps.h"
#include "packet.h"
#include "ownership.h"
#include "handover.h"
#include "counting.h"
#include "failure.h"
#include "fragments.h"
#include "settling.h"
#include "time_wait.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* tc: go on with the next program (TCX_NEXT, TC_ACT_UNSPEC). */
#define TC_NEXT      (-1)
#define CGROUP_ALLOW 1

/* Ethernet, where the device is not known: one of another network namespace. */
#define DEFAULT_LINK_HEADER_BYTES 14

/* --- tc: packets as the interface carries them --- */

/* The socket that a packet is sent for: a SYN-ACK belongs to a connection that is none yet, so it counts on
 * the listening socket. */
static __always_inline struct bpf_sock *sender_of(struct bpf_sock *sk)
{
	struct bpf_sock *full = bpf_sk_fullsock(sk);

	return full ? full : bpf_get_listener_sock(sk);
}

/* A program of another tool that ends the chain (TCX_PASS) has the kernel copy `tc_classid` over `tc_index`,
 * and the mark with it. So both are kept the same. */
static __always_inline void mark_set(struct __sk_buff *skb, __u32 mark)
{
	skb->tc_index |= mark;
	skb->tc_classid = skb->tc_index;
}

SEC("tc")
int count_egress(struct __sk_buff *skb)
{
	__u32 index = skb->ifindex;
	struct bpf_sock *sk = skb->sk;
	struct pnm_socket *socket = NULL;
	struct packet packet;

	mark_set(skb, 0);
	if (!sk || (skb->tc_index & settings.counted_out))
		return TC_NEXT;
	sk = sender_of(sk);
	if (sk)
		socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	/* packet_out() has counted what other network namespaces send. */
	if (socket && (socket->flags & PNM_SOCKET_FOREIGN))
		return TC_NEXT;
	struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

	/* Until the device is marked, packet_out() counts for it. */
	if (!device || !device->attached)
		return TC_NEXT;
	/* Packet sockets send what they like. */
	if (!packet_read(skb, &packet) && !(socket && (socket->flags & PNM_SOCKET_PACKET)))
		return TC_NEXT;

	/* The queueing layer has worked out the size of all segments; it knows the encapsulations too. */
	struct pnm_wire_amount wire = {.bytes = skb->wire_len,
				       .packets = skb->gso_segs > 1 ? skb->gso_segs : 1};

	if (sk && socket) {
		mark_set(skb, settings.counted_out);
		count_packet(skb, sk, socket, &packet, true, skb->len - device->link_header_bytes, wire);
	} else if (packet.protocol == IPPROTO_TCP && count_time_wait(&packet, true, wire)) {
		mark_set(skb, settings.counted_out);
	}
	return TC_NEXT;
}

/* Whether the packet goes on to a device above this one, which the socket sends through: a bridge, bond,
 * macvlan or VLAN. Both directions count there. A frame that ends here all the same is left to packet_in().
 */
static __always_inline bool goes_up(const struct __sk_buff *skb, const struct pnm_device *device)
{
	return device->has_master || skb->pkt_type == PACKET_OTHERHOST || skb->vlan_present;
}

/* Connections only: their socket can be found by the addresses, and no other one has the same. All else is
 * known for certain only at the socket, so packet_in() counts it: which one of several a datagram reaches
 * (SO_REUSEPORT groups, multicast, connected before wildcard); handshakes, because what is addressed to a
 * port that somebody listens on may still be translated and forwarded; and TCP that is not found here
 * (translated addresses, other network namespaces). */
SEC("tc")
int count_ingress(struct __sk_buff *skb)
{
	__u32 index = skb->ifindex;
	struct bpf_sock_tuple tuple = {};
	struct packet packet;
	__u32 tuple_bytes;

	mark_set(skb, 0);
	if (skb->tc_index & settings.counted_in)
		return TC_NEXT;
	if (!packet_read(skb, &packet))
		return TC_NEXT;
	if (packet.protocol == (packet.is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) && !packet.is_fragment)
		unreachable_note(skb, &packet);
	if (packet.protocol != IPPROTO_TCP && !packet.is_fragment)
		return TC_NEXT;
	/* Multicast of this host on its way back in was counted on its way out. */
	if (skb->pkt_type == PACKET_LOOPED_BACK)
		return TC_NEXT;
	struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

	if (!device || goes_up(skb, device))
		return TC_NEXT;
	if (packet.is_fragment) {
		fragment_note(&packet, skb->len);
		return TC_NEXT;
	}
	if (!settings.looks_up_connections)
		return TC_NEXT;
	__u32 network_bytes = skb->len - device->link_header_bytes;
	struct pnm_wire_amount wire = wire_amount_of(skb, &packet, network_bytes, device->link_header_bytes);

	if (packet.is_ipv4) {
		tuple.ipv4.saddr = packet.source.words[3];
		tuple.ipv4.daddr = packet.destination.words[3];
		tuple.ipv4.sport = bpf_htons(packet.source_port);
		tuple.ipv4.dport = bpf_htons(packet.destination_port);
		tuple_bytes = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, packet.source.words, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, packet.destination.words, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = bpf_htons(packet.source_port);
		tuple.ipv6.dport = bpf_htons(packet.destination_port);
		tuple_bytes = sizeof(tuple.ipv6);
	}
	struct bpf_sock *found = bpf_skc_lookup_tcp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);

	if (!found)
		return TC_NEXT;
	struct bpf_sock *sk = bpf_sk_fullsock(found);

	if (sk && sk->state != TCP_LISTEN) {
		struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

		if (socket) {
			mark_set(skb, settings.counted_in);
			count_packet(skb, sk, socket, &packet, false, network_bytes, wire);
		}
	} else if (!sk && count_time_wait(&packet, false, wire)) {
		mark_set(skb, settings.counted_in);
	}
	bpf_sk_release(found);
	return TC_NEXT;
}

/* Run by user space, over no packet: looks at the flows that it names once more. */
SEC("tc")
int settle_flow(struct __sk_buff *skb)
{
	__u32 index = settling.next;

	if (index >= PNM_SETTLE_CAPACITY)
		return TC_NEXT;
	settling.next = index + 1;
	__u32 slot = settling.slots[index];
	struct pnm_flow *flow = bpf_map_lookup_elem(&flows, &slot);

	if (flow && flow->key.socket_cookie && !(flow->retired & PNM_FLOW_RETIRED))
		flow_settle(skb, flow);
	return TC_NEXT;
}

/* --- cgroup_skb: what tc cannot attribute; here the socket is given, in every network namespace --- */

/* `is_counted`: tc has put the packet on a socket already; a raw socket may still receive a copy. */
static __always_inline void count_at_socket(struct __sk_buff *skb, bool is_out, bool is_counted)
{
	__u32 index = skb->ifindex;
	struct packet packet;
	__u32 link_header_bytes = DEFAULT_LINK_HEADER_BYTES;
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk || (is_counted && sk->type != SOCK_RAW))
		return;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

	if (!socket)
		return;
	if (settings.tells_sender && is_out && !socket->sender)
		sender_note(skb, sk, socket);
	if (!(socket->flags & PNM_SOCKET_FOREIGN)) {
		struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

		if (device) {
			if (is_out && device->attached)
				return; /* count_egress() will */
			link_header_bytes = device->link_header_bytes;
		}
	}
	if (!packet_read(skb, &packet))
		return;
	struct pnm_wire_amount wire = {};
	__u64 is_estimate = 0;

	if (is_out || has_crossed_wire(skb, socket, &packet)) {
		wire = wire_amount_of(skb, &packet, skb->len, link_header_bytes);
		if ((is_out || !fragments_take(&packet, &wire)) && (socket->flags & PNM_SOCKET_FOREIGN))
			is_estimate = fragments_estimate(skb, &packet, skb->len, link_header_bytes, &wire);
	}
	/* Keeps the compiler from writing all that follows once for each of the ways here. */
	BPF_VARIABLE(is_estimate);
	BPF_VARIABLE(wire.bytes);
	BPF_VARIABLE(wire.packets);
	count_packet(skb, sk, socket, &packet, is_out, skb->len, wire);
	if (is_estimate) {
		struct pnm_flow *flow = last_flow(socket);

		if (flow)
			flow->flags |= PNM_FLOW_WIRE_ESTIMATE;
	}
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	count_at_socket(skb, true, false);
	return CGROUP_ALLOW;
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	count_at_socket(skb, false, skb->tc_index & settings.counted_in);
	return CGROUP_ALLOW;
}

/* --- cgroup: who owns a socket; these run in the caller's own context --- */

SEC("cgroup/sock_create")
int socket_created(struct bpf_sock *sk)
{
	socket_track(sk, sk, sk->type, bpf_get_netns_cookie(sk));
	return CGROUP_ALLOW;
}

SEC("cgroup/sock_release")
int socket_released(struct bpf_sock *sk)
{
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct endpoints ends = {};

	if (!socket || !owner)
		return CGROUP_ALLOW;
	closer_note(sk, socket, owner);
	if (sk->protocol == IPPROTO_TCP && !(socket->flags & PNM_SOCKET_RAW)) {
		attempt_settle(socket, owner);
		socket->is_released = 1;
		/* TCP goes on after the last descriptor is closed, until tcp_progress() sees TCP_CLOSE.
		 * Adopted connections have no such callback: what little they still send opens a flow that is
		 * closed. */
		if (!(socket->flags & PNM_SOCKET_ADOPTED))
			return CGROUP_ALLOW;
		socket->flags |= PNM_SOCKET_RELEASED;
	}
	socket_close(socket, owner, protocol_of(socket, sk->protocol), PNM_EVENT_CLOSED, &ends,
		     socket->reset_seen ? PNM_REASON_RESET : PNM_REASON_NONE);
	return CGROUP_ALLOW;
}

static __always_inline void connect_called(struct bpf_sock_addr *context, const union address *remote)
{
	struct bpf_sock *sk = context->sk;

	socket_used(context, true);
	if (!sk || context->type != SOCK_STREAM || context->protocol != IPPROTO_TCP)
		return;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!socket || !owner)
		return;
	attempt_settle(socket, owner);
	attempt_note(socket, context, remote);
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *context)
{
	socket_bound(context);
	return CGROUP_ALLOW;
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *context)
{
	socket_bound(context);
	return CGROUP_ALLOW;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *context)
{
	union address remote;

	address_from_ipv4(&remote, context->user_ip4);
	connect_called(context, &remote);
	return CGROUP_ALLOW;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *context)
{
	union address remote = {.words = {context->user_ip6[0], context->user_ip6[1], context->user_ip6[2],
					  context->user_ip6[3]}};

	connect_called(context, &remote);
	return CGROUP_ALLOW;
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *context)
{
	socket_used(context, false);
	return CGROUP_ALLOW;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *context)
{
	socket_used(context, false);
	return CGROUP_ALLOW;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *context)
{
	socket_asked_for_peer(context);
	return CGROUP_ALLOW;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *context)
{
	socket_asked_for_peer(context);
	return CGROUP_ALLOW;
}

/* --- sock_ops: the life of a TCP connection --- */

/* A connection that found the flow pool full. */
static __always_inline void payload_overflow(struct bpf_sock *sk, const struct pnm_socket *socket,
					     struct payload_delta payload)
{
	if (!payload.sent && !payload.received)
		return;
	struct pnm_counters *counters = overflow_for(sk, socket);

	if (!counters)
		return;
	__sync_fetch_and_add(&statistics.dropped_flows, 1);
	count_payload(counters, payload);
}

/* tc sees a packet before TCP has taken it in, so the last acknowledgement of an exchange would wait for the
 * next packet to be counted. The callbacks come right after. */
static __always_inline void progress_note(struct bpf_sock_ops *context, struct bpf_sock *sk,
					  struct pnm_socket *socket, __u8 previous_state, __u8 state)
{
	struct pnm_flow *flow = last_flow(socket);
	struct tcp_progress now = {
	    .bytes_acked = context->bytes_acked,
	    .bytes_received = context->bytes_received,
	    .rcv_nxt = context->rcv_nxt,
	    .snd_nxt = context->snd_nxt,
	    .snd_una = context->snd_una,
	    .state = state,
	    .previous_state = previous_state,
	};

	struct payload_delta payload = payload_advance(socket, &now);

	if (!flow) {
		payload_overflow(sk, socket, payload);
		return;
	}
	count_payload(&flow->counters, payload);
	flow->state = state;
	flow->rtt_us = context->srtt_us >> 3;
	flow->retransmits = context->total_retrans;
}

static __always_inline void callbacks_enable(struct bpf_sock_ops *context)
{
	/* Added to what other programs asked for. */
	bpf_sock_ops_cb_flags_set(context, context->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG |
					       BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG);
}

/* A socket may be connected again, after an attempt that failed: its flow then goes on. */
static __always_inline void connect_begin(struct pnm_socket *socket, const struct endpoints *ends)
{
	struct pnm_flow *flow = last_flow(socket);
	struct pnm_flow_key key = {};

	socket->is_attempting = 0;
	life_begin(socket, bpf_ktime_get_ns());
	if (!flow)
		return;
	flow_key_fill(&key, socket, ends, flow->key.interface_index);
	if (!key_equals(&flow->key, &key)) {
		socket->slot = PNM_NO_SLOT;
		return;
	}
	flow->flags &= ~PNM_FLOW_CLOSED;
	flow->closed_ns = 0;
	flow->time_wait = PNM_TIME_WAIT_NONE;
	flow->reason = PNM_REASON_NONE;
}

static __always_inline struct event_detail connect_complete(struct pnm_socket *socket)
{
	struct event_detail detail = {};
	struct pnm_flow *flow = last_flow(socket);

	if (!socket->opened_ns)
		return detail;
	detail.duration_ns = bpf_ktime_get_ns() - socket->opened_ns;
	socket->connect_us = detail.duration_ns / 1000;
	if (flow)
		flow->connect_us = socket->connect_us;
	return detail;
}

SEC("sockops")
int tcp_progress(struct bpf_sock_ops *context)
{
	struct endpoints ends;
	struct bpf_sock *sk = context->sk;
	__u32 operation = context->op;

	if (!sk)
		return CGROUP_ALLOW;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!socket || !owner)
		return CGROUP_ALLOW;
	switch (operation) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		socket->flags = (socket->flags | PNM_SOCKET_OUTGOING) & ~PNM_SOCKET_ADOPTED;
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		connect_begin(socket, &ends);
		event_emit(PNM_EVENT_OPENED, owner, socket->cookie, IPPROTO_TCP, true, &ends);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		socket->flags |= PNM_SOCKET_LISTENING;
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_LISTENING, owner, socket->cookie, IPPROTO_TCP, false, &ends);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		/* The entries are still the listener's, copied when this socket was made. */
		owner->evidence = PNM_EVIDENCE_INHERITED;
		socket_reset(socket, owner, bpf_get_socket_cookie(context),
			     socket->flags & PNM_SOCKET_FOREIGN);
		socket->opened_ns = bpf_ktime_get_ns();
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_ESTABLISHED, owner, socket->cookie, IPPROTO_TCP, false, &ends);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		endpoints_of_socket(&ends, sk);
		event_emit_with(PNM_EVENT_ESTABLISHED, owner, socket->cookie, IPPROTO_TCP, true, &ends,
				connect_complete(socket));
		break;
	case BPF_SOCK_OPS_RTO_CB:
		if (context->args[2])
			socket->is_expired = 1;
		break;
	case BPF_SOCK_OPS_RTT_CB:
		progress_note(context, sk, socket, context->state, context->state);
		break;
	case BPF_SOCK_OPS_STATE_CB: {
		__u8 previous = context->args[0], state = context->args[1];

		progress_note(context, sk, socket, previous, state);
		if (state == TCP_CLOSE) {
			endpoints_of_socket(&ends, sk);
			if (previous == TCP_FIN_WAIT2 || previous == TCP_CLOSING)
				time_wait_begin(socket, owner, &ends,
						previous == TCP_CLOSING ||
						    (socket->flags & PNM_SOCKET_FIN_RECEIVED),
						sk->bound_dev_if);
			socket_close(socket, owner, IPPROTO_TCP,
				     previous == TCP_SYN_SENT ? PNM_EVENT_FAILED : PNM_EVENT_CLOSED, &ends,
				     reason_of_end(socket, previous, context->rcv_nxt));
		}
		break;
	}
	}
	return CGROUP_ALLOW;
}
