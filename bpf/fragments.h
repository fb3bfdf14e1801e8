/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Datagrams that arrive in fragments: only the first one has ports, and none has a socket before the datagram
 * is whole. What each took on the wire is added up until then. */
#ifndef PROCNETMON_FRAGMENTS_H
#define PROCNETMON_FRAGMENTS_H

#include "maps.h"
#include "packet.h"

static __always_inline void datagram_key(struct pnm_datagram *key, const struct packet *packet)
{
	__builtin_memcpy(key->source, packet->source.bytes, sizeof(key->source));
	__builtin_memcpy(key->destination, packet->destination.bytes, sizeof(key->destination));
	key->identification = packet->identification;
	key->protocol = packet->protocol;
}

static __always_inline void fragment_note(const struct packet *packet, __u64 wire_bytes)
{
	struct pnm_datagram key;
	struct pnm_wire_amount none = {};

	datagram_key(&key, packet);
	fragments_seen = true;
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&fragments, &key);

	if (!amount) {
		bpf_map_update_elem(&fragments, &key, &none, BPF_NOEXIST);
		amount = bpf_map_lookup_elem(&fragments, &key);
		if (!amount)
			return;
	}
	__sync_fetch_and_add(&amount->bytes, wire_bytes);
	__sync_fetch_and_add(&amount->packets, 1);
}

/* Sets `wire` to what the fragments of a datagram took, when it came in fragments. */
static __always_inline void fragments_take(const struct packet *packet, struct pnm_wire_amount *wire)
{
	struct pnm_datagram key;

	if (!fragments_seen)
		return;
	datagram_key(&key, packet);
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&fragments, &key);

	if (!amount)
		return;
	*wire = *amount;
	bpf_map_delete_elem(&fragments, &key);
}

#endif
