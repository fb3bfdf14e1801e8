/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Programs of cgroup_skb: what tc cannot attribute. Here the socket is given, in every network namespace. */
#ifndef PROCNETMON_HOOK_CGROUP_SKB_H
#define PROCNETMON_HOOK_CGROUP_SKB_H

#include "counting.h"
#include "fragments.h"
#include "handover.h"
#include "hook_verdict.h"
#include "ipsec.h"
#include "marks.h"

#define ETHERNET_PROTOCOL_AT 12

/* Takes from `bytes` the header of the link that each of the packets was counted with, and does not have. */
static __always_inline void link_headers_take_back(__u64 *bytes, __u64 packets)
{
	__sync_fetch_and_add(bytes, -(packets * ETH_HLEN));
}

/* The interface turns out to have no header of its own. What a connection has sent before is put right; of
 * other sockets there may be more flows than the last one. */
static __always_inline void linkless_note(struct pnm_socket *socket, bool is_connection)
{
	struct pnm_flow *flow = last_flow(socket);

	socket->is_linkless = 1;
	if (!flow || !flow->counters.wire_tx_packets)
		return;
	if (is_connection)
		link_headers_take_back(&flow->counters.wire_tx_bytes, flow->counters.wire_tx_packets);
	else
		wire_estimate_mark(flow);
}

/* Of an interface that is not known, one of another network namespace: that of Ethernet, or none, as tunnels
 * have it. What arrives tells, but for an interface of IPsec's own: there the kernel keeps the header of the
 * link below. */
STEP __u32 unknown_link_header_bytes(struct __sk_buff *skb, struct pnm_socket *socket, bool is_out,
				     bool is_connection)
{
	__be16 protocol = 0;

	if (socket->inside_interface == skb->ifindex)
		return 0;
	if (!is_out) {
		bool is_linkless = bpf_skb_load_bytes_relative(skb, ETHERNET_PROTOCOL_AT, &protocol,
							       sizeof(protocol), BPF_HDR_START_MAC) ||
				   protocol != (__be16)skb->protocol;

		if (!is_linkless)
			socket->is_linkless = 0;
		else if (!socket->is_linkless)
			linkless_note(socket, is_connection);
	}
	return forgotten(socket->is_linkless ? 0 : ETH_HLEN);
}

/* What a packet takes on the wire, as far as it counts on this socket. */
static __always_inline void wire_tally(struct __sk_buff *skb, const struct pnm_socket *socket,
				       const struct packet *packet, __u32 link_header_bytes,
				       struct tally *tally)
{
	if (!tally->is_out && !has_crossed_wire(skb, socket, packet))
		return;
	__u32 network_bytes = tally->network_bytes;
	__u32 arrived_bytes = 0;

	tally->wire = wire_amount_of(skb, packet, network_bytes, link_header_bytes);
	if (!tally->is_out) {
		arrived_bytes = arrived_bytes_of(skb, packet, link_header_bytes);
		if (associations_seen && tunnelled_take(packet, &tally->wire))
			return;
		if (!is_marked_whole(skb) &&
		    fragments_take(packet, arrived_bytes ? IPPROTO_ESP : packet->protocol, &tally->wire))
			return;
	}
	if (arrived_bytes) {
		network_bytes = arrived_bytes;
		tally->wire.bytes = arrived_bytes + link_header_bytes;
	} else if (!tally->is_out && socket->ipsec) {
		tunnel_estimate(packet, socket->ipsec, network_bytes, &tally->wire);
		tally->is_estimate = 1;
		return;
	}
	if (socket->flags & PNM_SOCKET_FOREIGN)
		tally->is_estimate = forgotten(
		    fragments_estimate(skb, packet, network_bytes, link_header_bytes, &tally->wire));
}

/* The flow goes through an interface of IPsec's own, which has no header: what was counted before that was
 * known is put right. A socket seldom goes through several. */
static __always_inline void inside_note(struct pnm_socket *socket, struct pnm_flow *flow)
{
	struct pnm_counters *counters = &flow->counters;
	__u32 former = socket->inside_interface;

	if (former == flow->key.interface_index || !(socket->flags & PNM_SOCKET_FOREIGN))
		return;
	socket->inside_interface = flow->key.interface_index;
	if (former || socket->is_linkless)
		return;
	link_headers_take_back(&counters->wire_tx_bytes, counters->wire_tx_packets);
	link_headers_take_back(&counters->wire_rx_bytes, counters->wire_rx_packets);
}

/* Through an interface of IPsec's own a packet of another network namespace comes by twice: as that one
 * carries it, which counts, and encrypted. */
STEP bool is_counted_inside(const struct __sk_buff *skb, struct pnm_socket *socket)
{
	struct pnm_flow *last = socket->ipsec ? NULL : last_flow(socket);
	bool is_counted = last && last->key.interface_index != skb->ifindex;

	if (is_counted)
		inside_note(socket, last);
	return forgotten(is_counted);
}

static __always_inline void count_at_socket(struct __sk_buff *skb, bool is_out)
{
	__u32 index = skb->ifindex;
	struct packet packet;
	struct tally tally;
	__u32 link_header_bytes = forgotten(ETH_HLEN);
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

	if (!socket)
		return;
	if (socket->flags & PNM_SOCKET_FOREIGN)
		link_header_bytes = unknown_link_header_bytes(skb, socket, is_out, sk->type == SOCK_STREAM);
	/* Connections only. A raw socket may receive a copy of what tc has counted. */
	if (!is_out && sk->type == SOCK_STREAM && is_counted_by_tc(skb, socket))
		return;
	if (settings.tells_sender && is_out && !socket->sender)
		sender_note(skb, sk, socket, &packet);
	/* Looked at anew: the ways part here only, and not from the first look on. */
	if (!(*(volatile __u32 *)&socket->flags & PNM_SOCKET_FOREIGN)) {
		struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

		if (device) {
			if (is_out && device->attached)
				return; /* count_egress() will */
			link_header_bytes = device->link_header_bytes;
		}
	}
	if (!packet_read(skb, &packet))
		return;
	__u8 ipsec = is_out ? ipsec_of(&packet, sk, socket) : 0;

	if (ipsec) {
		if (is_counted_inside(skb, socket))
			return;
		socket->ipsec = ipsec;
	}
	if (is_out && (socket->flags & PNM_SOCKET_LISTENING) && !packet.is_ipv4)
		ipv6_answers_seen = true;
	tally_begin(&tally, is_out, skb->len);
	wire_tally(skb, socket, &packet, forgotten(link_header_bytes), &tally);
	count_packet(skb, sk, socket, &packet, &tally);
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	count_at_socket(skb, true);
	return CGROUP_ALLOW;
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	count_at_socket(skb, false);
	return CGROUP_ALLOW;
}

#endif
