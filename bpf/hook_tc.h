/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Programs of tc: packets as the interface carries them; and a look at flows that user space runs. */
#ifndef PROCNETMON_HOOK_TC_H
#define PROCNETMON_HOOK_TC_H

#include <linux/if_packet.h>
#include "counting.h"
#include "failure.h"
#include "fragments.h"
#include "marks.h"
#include "settling.h"
#include "time_wait.h"
#include "wireguard.h"

/* Go on with the next program (TCX_NEXT, TC_ACT_UNSPEC). */
#define TC_NEXT (-1)

/* The socket that a packet is sent for: a SYN-ACK belongs to a connection that is none yet, so it counts on
 * the listening socket. */
static __always_inline struct bpf_sock *sender_of(struct bpf_sock *sk)
{
	struct bpf_sock *full = bpf_sk_fullsock(sk);

	return full ? full : bpf_get_listener_sock(sk);
}

#define TCP_HEADER_BYTES_MAXIMUM 60

/* What the kernel sends for a connection without a socket of its own: of one in TIME_WAIT over IPv6, below
 * Linux 6.13, and answers to SYNs for which the listening socket's queue has no room (SYN cookies). Both are
 * a header only, and not forwarded: most of what has no socket is told from them at once. */
static __always_inline bool may_be_of_connection(const struct __sk_buff *skb, const struct pnm_device *device)
{
	return !skb->ingress_ifindex &&
	       skb->len <= device->link_header_bytes + sizeof(struct ipv6hdr) + TCP_HEADER_BYTES_MAXIMUM;
}

/* An answer to a SYN that has no socket counts on the listening one, as the others do. */
STEP bool answer_count_without_socket(struct __sk_buff *skb, const struct packet *packet, struct tally *tally)
{
	struct bpf_sock_tuple tuple = {};
	__u32 tuple_bytes = tuple_of(&tuple, &packet->destination, packet->destination_port, &packet->source,
				     packet->source_port, packet->is_ipv4);
	struct bpf_sock *found = bpf_skc_lookup_tcp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);
	bool is_counted = false;

	if (!found)
		return false;
	struct bpf_sock *sk = bpf_sk_fullsock(found);

	if (sk && sk->state == TCP_LISTEN) {
		struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

		if (socket) {
			listener_count(skb, sk, socket, tally);
			is_counted = true;
		}
	}
	bpf_sk_release(found);
	return forgotten(is_counted);
}

/* What is sent without a socket that is counted. */
static __always_inline bool count_without_socket(struct __sk_buff *skb, const struct packet *packet,
						 struct tally *tally)
{
	if (!packet->is_syn)
		return count_time_wait(packet, tally, false);
	end_forget(packet);
	return answer_count_without_socket(skb, packet, tally);
}

SEC("tc")
int count_egress(struct __sk_buff *skb)
{
	__u32 index = skb->ifindex;
	struct bpf_sock *sk = skb->sk;
	struct packet packet;
	struct tally tally;

	mark_keep(skb);
	if (is_marked_sent(skb))
		return TC_NEXT;
	struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

	/* Until the device is marked, packet_out() counts for it. */
	if (!device || !device->attached || (!sk && !may_be_of_connection(skb, device)))
		return TC_NEXT;
	tally_begin(&tally, true, skb->len - device->link_header_bytes);
	/* The queueing layer has worked out the size of all segments; it knows the encapsulations too. */
	tally.wire.bytes = skb->wire_len;
	bool is_readable = packet_read(skb, &packet);

	tally.wire.packets = segments_of(skb, &packet, tally.network_bytes);
	tally.wire.bytes -= tally.wire.packets * bytes_for_nothing(&packet);

	if (sk)
		sk = sender_of(sk);
	struct pnm_socket *socket = sk ? bpf_sk_storage_get(&sockets, sk, NULL, 0) : NULL;

	if (!sk || !socket) {
		if (is_readable && packet.protocol == IPPROTO_TCP &&
		    count_without_socket(skb, &packet, &tally))
			mark_sent(skb);
		return TC_NEXT;
	}
	/* packet_out() has counted what other network namespaces send. Packet sockets send what they like. */
	if ((socket->flags & PNM_SOCKET_FOREIGN) || (!is_readable && !(socket->flags & PNM_SOCKET_PACKET)))
		return TC_NEXT;
	mark_sent(skb);
	if (is_in_wireguard(skb, &packet, sk, socket))
		return TC_NEXT;
	__u8 ipsec = ipsec_of(&packet, sk, socket);

	if (ipsec)
		socket->ipsec = ipsec;
	count_packet(skb, sk, socket, &packet, &tally);
	if (packet.is_syn)
		end_forget(&packet);
	else if (packet.is_fin | packet.is_reset)
		end_note(sk, socket, &packet);
	return TC_NEXT;
}

/* Whether the packet goes on to a device above this one, which the socket sends through: a bridge, bond,
 * macvlan or VLAN. Both directions count there. A frame that ends here all the same is left to packet_in().
 */
static __always_inline bool goes_up(const struct __sk_buff *skb, const struct pnm_device *device)
{
	return device->has_master || skb->pkt_type == PACKET_OTHERHOST || skb->vlan_present;
}

/* The connection that a packet arrives for, to be released. */
static __always_inline struct bpf_sock *connection_find(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {};
	__u32 tuple_bytes = tuple_of(&tuple, &packet->source, packet->source_port, &packet->destination,
				     packet->destination_port, packet->is_ipv4);

	return bpf_skc_lookup_tcp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);
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
	struct packet packet;
	struct tally tally;

	if (is_marked_received(skb)) {
		mark_keep(skb);
		return TC_NEXT;
	}
	mark_left(skb);
	if (!packet_read(skb, &packet))
		return TC_NEXT;
	if (packet.protocol == (packet.is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) && !packet.is_fragment)
		unreachable_note(skb, &packet);
	bool is_protected = !packet.is_fragment && (is_opaque(&packet) || may_be_in_udp(&packet));

	if (packet.protocol != IPPROTO_TCP && !packet.is_fragment && !is_protected && !associations_seen)
		return TC_NEXT;
	/* Multicast of this host on its way back in was counted on its way out. */
	if (skb->pkt_type == PACKET_LOOPED_BACK)
		return TC_NEXT;
	struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

	if (!device || goes_up(skb, device))
		return TC_NEXT;
	if (is_protected) {
		association_note(skb, &packet, skb->len);
		return TC_NEXT;
	}
	tally_begin(&tally, false, skb->len - device->link_header_bytes);
	/* The header's own length: some frames are padded, and some tunnels of Linux before 5.14 leave what
	 * was around the packet to be seen. */
	tally.wire = wire_amount_of(skb, &packet, network_bytes_of(&packet, tally.network_bytes),
				    device->link_header_bytes);
	if (settings.tells_association && associations_seen && tunnel_left(skb, &packet, &tally.wire))
		return TC_NEXT;
	if (packet.is_fragment) {
		fragment_note(skb, &packet, &tally.wire);
		return TC_NEXT;
	}
	if (packet.protocol != IPPROTO_TCP)
		return TC_NEXT;
	struct bpf_sock *found = connection_find(skb, &packet);

	bool has_socket = false, is_entry = false;

	if (found) {
		struct bpf_sock *sk = bpf_sk_fullsock(found);

		if (sk && sk->state != TCP_LISTEN) {
			struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

			has_socket = true;
			if (socket) {
				mark_received(skb);
				__sync_fetch_and_add(&socket->arriving, 1);
				count_packet(skb, sk, socket, &packet, &tally);
			}
		} else {
			/* A connection that is not established yet. */
			is_entry = !sk && found->state == TCP_TIME_WAIT;
			has_socket = !sk && !is_entry;
		}
		bpf_sk_release(found);
	}
	if (!forgotten(has_socket) && !packet.is_syn && count_time_wait(&packet, &tally, forgotten(is_entry)))
		mark_received(skb);
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

#endif
