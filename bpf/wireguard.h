/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* WireGuard takes the marks off what it sends, encrypted in UDP, and leaves the program's socket on it. */
#ifndef PROCNETMON_WIREGUARD_H
#define PROCNETMON_WIREGUARD_H

#include "maps.h"
#include "packet.h"

/* What a message of data begins with: its type, and three bytes of zero. Handshakes are nobody's. */
#define WIREGUARD_DATA bpf_htonl(0x04000000)

/* Whether a packet is one that a socket has sent, inside of another one that WireGuard sends from a port of
 * its own. The packet inside was counted as its interface carries it. */
STEP bool is_in_wireguard(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *sk,
			  const struct pnm_socket *socket)
{
	bool is_own_port = sk->protocol == IPPROTO_UDP && sk->src_port == packet->source_port;
	__be32 type = 0;

	if (packet->protocol != IPPROTO_UDP || packet->is_fragment || is_own_port ||
	    sk->protocol == IPPROTO_RAW || (socket->flags & PNM_SOCKET_PACKET))
		return false;
	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes + sizeof(struct udphdr), &type,
					sizeof(type), BPF_HDR_START_NET))
		return false;
	return forgotten(type == WIREGUARD_DATA);
}

#endif
