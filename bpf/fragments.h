/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Datagrams that arrive in fragments: only the first one has ports, and none has a socket before the datagram
 * is whole. What each took on the wire is added up until then. */
#ifndef PROCNETMON_FRAGMENTS_H
#define PROCNETMON_FRAGMENTS_H

#include "maps.h"
#include "marks.h"
#include "packet.h"

static __always_inline void datagram_key(struct pnm_datagram *key, const struct packet *packet,
					 __u32 protocol)
{
	__builtin_memcpy(key->source, packet->source.bytes, sizeof(key->source));
	__builtin_memcpy(key->destination, packet->destination.bytes, sizeof(key->destination));
	key->identification = packet->identification;
	key->protocol = packet->before_protocol ? packet->before_protocol : protocol;
}

/* Notes a fragment, or another packet that is counted at its socket, where less of it is to be seen. */
STEP int fragment_note(struct __sk_buff *skb, const struct packet *packet, const struct pnm_wire_amount *wire)
{
	struct pnm_datagram key;
	struct pnm_wire_amount none = {};

	datagram_key(&key, packet, is_opaque(packet) ? IPPROTO_ESP : packet->protocol);
	fragments_seen = true;
	mark_fragment(skb);
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&fragments, &key);

	if (!amount) {
		bpf_map_update_elem(&fragments, &key, &none, BPF_NOEXIST);
		amount = bpf_map_lookup_elem(&fragments, &key);
		if (!amount)
			return 0;
	}
	__sync_fetch_and_add(&amount->bytes, wire->bytes);
	__sync_fetch_and_add(&amount->packets, wire->packets);
	return 0;
}

/* Sets `wire` to what the fragments of a datagram took, which say that they are of this protocol: of ESP, all
 * of IPsec. False when it did not come in fragments, or they passed no device of the helper's network
 * namespace. */
static __always_inline bool fragments_take(const struct packet *packet, __u32 protocol,
					   struct pnm_wire_amount *wire)
{
	struct pnm_datagram key;

	if (!fragments_seen)
		return false;
	datagram_key(&key, packet, protocol);
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&fragments, &key);

	if (!amount)
		return false;
	*wire = *amount;
	bpf_map_delete_elem(&fragments, &key);
	return true;
}

/* What an interface carries at once, where it is not known, and where it is that of no other network
 * namespace. */
#define USUAL_MTU          1500
#define LOOPBACK_INTERFACE 1

/* At the socket a datagram is whole. In another network namespace no device is ours, so nobody has seen its
 * fragments: works out how many there are when the interface carries what most do. False when it is none that
 * is cut. */
static __always_inline bool fragments_estimate(const struct __sk_buff *skb, const struct packet *packet,
					       __u32 network_bytes, __u32 link_header_bytes,
					       struct pnm_wire_amount *wire)
{
	__u32 header_bytes = packet->network_header_bytes;
	__u32 fragment_header_bytes = packet->is_ipv4 ? 0 : sizeof(struct ipv6_fragment_header);

	if (network_bytes <= USUAL_MTU || skb->gso_segs > 1 || packet->protocol == IPPROTO_TCP ||
	    skb->ifindex == LOOPBACK_INTERFACE || header_bytes > 256)
		return false;
	__u32 part_bytes = (USUAL_MTU - header_bytes - fragment_header_bytes) & ~7u;
	__u32 content = network_bytes - header_bytes;
	__u32 fragments = (content + part_bytes - 1) / part_bytes;

	wire->packets = fragments;
	wire->bytes = content + (__u64)fragments * (header_bytes + fragment_header_bytes + link_header_bytes);
	return true;
}

#endif
