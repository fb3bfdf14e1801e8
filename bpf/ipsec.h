/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* IPsec as the kernel does it (ESP, RFC 4303, in UDP too, RFC 3948; AH, RFC 4302), where policies choose what
 * is protected.
 *
 * What is sent comes to the hooks encrypted, with its socket: the wire is plain to see, and ports and content
 * are not. What arrives passes tc encrypted, and reaches its socket decrypted. What ESP took is found out
 * by what the kernel leaves of it:
 *
 * - Transport mode: the IP header has moved up to the content. A copy of the old one still stands behind the
 *   header of the link, and gives the length.
 * - Tunnel mode: the packet comes by tc once more, at the same device, and tells its association. What
 * arrived by that was added up the first time. It is taken now, and noted for the socket.
 *
 * In tunnel mode in another network namespace nothing is left: there it is computed, for AES-GCM. */
#ifndef PROCNETMON_IPSEC_H
#define PROCNETMON_IPSEC_H

#include "fragments.h"
#include "maps.h"
#include "ownership.h"
#include "packet.h"

/* Where ESP in UDP goes. */
#define ESP_IN_UDP_PORT 4500

/* Of AES-GCM (RFC 4106): header and initialisation vector, trailer, check value; what is encrypted is filled
 * up to a multiple of four. */
#define ESP_HEADER_BYTES    16
#define ESP_TRAILER_BYTES   2
#define ESP_CHECK_BYTES     16
#define ESP_USUAL_ALIGNMENT 4
/* All of it, with what is filled up on average. */
#define ESP_USUAL_BYTES (ESP_HEADER_BYTES + ESP_TRAILER_BYTES + ESP_CHECK_BYTES + ESP_USUAL_ALIGNMENT / 2 - 1)
/* As little and as much as IPsec makes a packet longer. */
#define IPSEC_LEAST_BYTES 10
#define IPSEC_MOST_BYTES  128

/* Whether a packet that a socket sends has been put in UDP together with ESP. What has a UDP socket sends
 * over UDP in any case, but knows of another port then. */
STEP bool is_in_udp(const struct packet *packet, struct bpf_sock *sk, const struct pnm_socket *socket)
{
	__u16 known = bpf_ntohs((__be16)SOCKET_WORD(sk, dst_port));

	if (!known)
		known = socket->attempted_port;
	bool is_own = sk->protocol == IPPROTO_UDP
			  ? !known || known == ESP_IN_UDP_PORT
			  : sk->protocol == IPPROTO_RAW || (socket->flags & PNM_SOCKET_PACKET);

	return forgotten(!is_own && packet->destination_port == ESP_IN_UDP_PORT &&
			 packet->protocol == IPPROTO_UDP);
}

/* Whether a packet is inside another one. */
static __always_inline bool is_in_packet(const struct packet *packet)
{
	return packet->protocol == IPPROTO_IPV6 || packet->protocol == IPPROTO_IPIP;
}

/* Notes a packet that a route has put around what a socket sends. Of bundles the queueing layer does not
 * count all headers then, and what arrives comes without. Who does it by itself has a raw socket. */
static __always_inline void encapsulation_note(struct pnm_socket *socket, const struct packet *packet,
					       struct bpf_sock *sk)
{
	if (is_in_packet(packet) && (sk->type == SOCK_STREAM || sk->type == SOCK_DGRAM) &&
	    !(socket->flags & PNM_SOCKET_PACKET))
		socket->is_encapsulated = 1;
}

/* How the kernel protects what a socket sends, as struct pnm_socket has it; 0 when it does not. */
STEP __u32 ipsec_of(const struct packet *packet, struct bpf_sock *sk, struct pnm_socket *socket)
{
	__u32 ipsec = 0;

	if (is_opaque(packet))
		ipsec = packet->protocol == IPPROTO_ESP ? PNM_IPSEC_ESP : packet->transport_header_bytes;
	else if (is_in_udp(packet, sk, socket))
		ipsec = PNM_IPSEC_ESP_IN_UDP;
	else
		encapsulation_note(socket, packet, sk);
	return forgotten(ipsec);
}

/* Whether what a datagram socket sends is hidden in another packet that the kernel has put around it: by
 * IPsec, or where a route encapsulates. Who does it by itself has a raw socket. */
static __always_inline bool is_hidden(const struct packet *packet, struct bpf_sock *sk,
				      const struct pnm_socket *socket)
{
	__u32 protocol = sk->protocol;

	if (socket->flags & PNM_SOCKET_PACKET)
		return false;
	if (protocol == packet->protocol)
		return is_in_udp(packet, sk, socket);
	return is_opaque(packet) ? protocol != IPPROTO_RAW : is_in_packet(packet) && sk->type == SOCK_DGRAM;
}

/* The content of the datagram in it: with ESP more or less, as what else is in there is taken to be what it
 * mostly is. `inner_header_bytes` are of its own headers, those of IP in a tunnel only. */
static __always_inline __u32 hidden_content(const struct packet *packet, __u32 inner_header_bytes)
{
	__u32 around = inner_header_bytes;

	if (packet->protocol == IPPROTO_ESP || packet->protocol == IPPROTO_UDP)
		around += ESP_USUAL_BYTES;
	else if (packet->protocol == IPPROTO_AH)
		around += packet->transport_header_bytes;
	if (packet->is_later_fragment)
		around = 0;
	around = forgotten(around);
	return forgotten(packet->payload_bytes > around ? packet->payload_bytes - around : 0);
}

/* What a packet that has arrived in transport mode was with what IPsec took of it since, from the IP header
 * on; 0 when that took nothing. IPv4: with an initialisation vector or without, what is compared is where it
 * was. What UDP took is gone from the length. */
STEP __u32 arrived_bytes_of(struct __sk_buff *skb, const struct packet *packet, __u32 link_header_bytes)
{
	union {
		struct {
			__u8 version_and_words;
			__u8 type_of_service;
			__be16 total_bytes;
			__be16 identification;
			__be16 fragment;
			__u8 time_to_live;
			__u8 protocol;
		} ipv4;
		struct {
			__be32 version_and_flow;
			__be16 content_bytes;
			__u8 next_header;
			__u8 hop_limit;
		} ipv6;
	} header;
	__u32 total_bytes;
	__u8 protocol;

	if (bpf_skb_load_bytes_relative(skb, link_header_bytes, &header, sizeof(header), BPF_HDR_START_MAC))
		return 0;
	if (packet->is_ipv4) {
		if (header.ipv4.version_and_words != (0x40 | packet->network_header_bytes / 4) ||
		    bpf_ntohs(header.ipv4.identification) != packet->identification)
			return 0;
		total_bytes = bpf_ntohs(header.ipv4.total_bytes);
		protocol = header.ipv4.protocol;
	} else {
		protocol = header.ipv6.next_header;
		if (protocol != IPPROTO_ESP && protocol != IPPROTO_AH && protocol != IPPROTO_UDP)
			return 0;
		total_bytes = sizeof(struct ipv6hdr) + bpf_ntohs(header.ipv6.content_bytes);
	}
	if (total_bytes - packet->total_bytes < IPSEC_LEAST_BYTES ||
	    total_bytes - packet->total_bytes > IPSEC_MOST_BYTES)
		return 0;
	return forgotten(total_bytes + (protocol == IPPROTO_UDP ? sizeof(struct udphdr) : 0));
}

/* What a tunnel in another network namespace adds to what has left it: as much as one the other way does
 * (AH), or as much as is usual (ESP). */
static __always_inline void tunnel_estimate(const struct packet *packet, __u8 ipsec, __u32 network_bytes,
					    struct pnm_wire_amount *wire)
{
	__u32 outer_header_bytes = packet->is_ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	if (ipsec > PNM_IPSEC_ESP_IN_UDP) {
		wire->bytes += wire->packets * (outer_header_bytes + ipsec);
		return;
	}
	__u32 filled =
	    (network_bytes + ESP_TRAILER_BYTES + ESP_USUAL_ALIGNMENT - 1) & ~(ESP_USUAL_ALIGNMENT - 1u);
	__u32 around = outer_header_bytes + (ipsec == PNM_IPSEC_ESP_IN_UDP ? sizeof(struct udphdr) : 0) +
		       ESP_HEADER_BYTES + ESP_CHECK_BYTES;

	wire->bytes += filled - network_bytes + wire->packets * around +
		       (wire->packets - 1) * (ESP_TRAILER_BYTES + ESP_USUAL_ALIGNMENT / 2 - 1);
}

/* Whether a packet that arrives may be ESP in UDP: something else may use the port, and IKE does. */
static __always_inline bool may_be_in_udp(const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP &&
	       (packet->destination_port == ESP_IN_UDP_PORT || packet->source_port == ESP_IN_UDP_PORT);
}

STEP int association_note(struct __sk_buff *skb, const struct packet *packet, __u32 wire_bytes)
{
	struct pnm_association key;
	struct pnm_ledger none = {};
	__u32 index_at = packet->network_header_bytes;

	if (packet->protocol == IPPROTO_AH)
		index_at += 4;
	else if (packet->protocol == IPPROTO_UDP)
		index_at += sizeof(struct udphdr);
	index_at = forgotten(index_at);
	if (bpf_skb_load_bytes_relative(skb, index_at, &key.index, sizeof(key.index), BPF_HDR_START_NET) ||
	    !key.index)
		return 0;
	__builtin_memcpy(key.peer, packet->source.bytes, sizeof(key.peer));
	associations_seen = true;
	struct pnm_ledger *ledger = bpf_map_lookup_elem(&associations, &key);

	if (!ledger) {
		bpf_map_update_elem(&associations, &key, &none, BPF_NOEXIST);
		ledger = bpf_map_lookup_elem(&associations, &key);
		if (!ledger)
			return 0;
	}
	ledger->interface_index = skb->ifindex;
	__sync_fetch_and_add(&ledger->arrived_bytes, wire_bytes);
	__sync_fetch_and_add(&ledger->arrived_packets, 1);
	return 0;
}

/* Adds to `wire` what IPsec took of a packet that has left its tunnel. False when it came through none.
 * Several may have arrived before the first of them is here: until the last of them is, it is taken to add as
 * much as it did before. */
static __always_inline bool association_take(struct __sk_buff *skb, struct pnm_wire_amount *wire)
{
	struct bpf_xfrm_state state;
	struct pnm_association key;

	if (bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0))
		return false;
	key.index = state.spi;
	if (state.family == AF_INET)
		address_from_ipv4((union address *)key.peer, state.remote_ipv4);
	else
		__builtin_memcpy(key.peer, state.remote_ipv6, sizeof(key.peer));
	struct pnm_ledger *ledger = bpf_map_lookup_elem(&associations, &key);

	/* Through an interface of its own the packet comes as that one carries it. */
	if (!ledger || ledger->interface_index != skb->ifindex)
		return false;
	/* Kernels below 5.12 do not tell what was added to. */
	__sync_fetch_and_add(&ledger->taken_packets, wire->packets);
	__u64 packets = *(volatile __u64 *)&ledger->taken_packets;
	__u64 bytes = wire->bytes + wire->packets * ledger->overhead_bytes;

	if (packets == ledger->arrived_packets) {
		bytes = ledger->arrived_bytes - ledger->taken_bytes;
		if (wire->packets == 1 && bytes - wire->bytes <= IPSEC_MOST_BYTES)
			ledger->overhead_bytes = bytes - wire->bytes;
	}
	__sync_fetch_and_add(&ledger->taken_bytes, bytes);
	wire->bytes = bytes;
	return true;
}

/* Notes for packet_in() what a packet took that has left its tunnel. False when it came through none. */
STEP bool tunnel_left(struct __sk_buff *skb, const struct packet *packet, struct pnm_wire_amount *wire)
{
	struct pnm_datagram key;
	struct pnm_wire_amount none = {};

	if (!association_take(skb, wire))
		return false;
	if (packet->is_fragment) {
		fragment_note(skb, packet, wire);
		return true;
	}
	datagram_key(&key, packet, packet->protocol);
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&tunnelled, &key);

	if (!amount) {
		bpf_map_update_elem(&tunnelled, &key, &none, BPF_NOEXIST);
		amount = bpf_map_lookup_elem(&tunnelled, &key);
		if (!amount)
			return true;
	}
	__sync_fetch_and_add(&amount->bytes, wire->bytes);
	__sync_fetch_and_add(&amount->packets, wire->packets);
	return true;
}

/* Sets `wire`, in which the packets are given, to what they took. False when nothing is noted of them. IPv6
 * does not tell packets apart that are of one protocol and between the same two addresses: each takes its
 * share. */
STEP bool tunnelled_take(const struct packet *packet, struct pnm_wire_amount *wire)
{
	struct pnm_datagram key;

	datagram_key(&key, packet, packet->protocol);
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&tunnelled, &key);

	if (!amount)
		return false;
	if (wire->packets >= amount->packets) {
		*wire = *amount;
		bpf_map_delete_elem(&tunnelled, &key);
		return true;
	}
	wire->bytes = amount->bytes / amount->packets * wire->packets;
	__sync_fetch_and_add(&amount->bytes, -wire->bytes);
	__sync_fetch_and_add(&amount->packets, -wire->packets);
	return true;
}

#endif
