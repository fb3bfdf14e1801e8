/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The two ends of a socket or packet, in one form: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
#ifndef PROCNETMON_ADDRESS_H
#define PROCNETMON_ADDRESS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "verifier.h"

#define AF_INET  2
#define AF_INET6 10

union address {
	__u8 bytes[16];
	__be32 words[4];
	__u64 halves[2];
};

struct endpoints {
	union address local;
	union address remote;
	__u16 local_port; /* host byte order */
	__u16 remote_port;
};

static __always_inline bool address_is_ipv4(const union address *address)
{
	return !address->halves[0] && address->words[2] == bpf_htonl(0xffff);
}

static __always_inline void address_from_ipv4(union address *address, __be32 ipv4)
{
	address->halves[0] = forgotten(0);
	address->halves[1] = bpf_cpu_to_be64(0xffff00000000 | bpf_ntohl(ipv4));
}

/* The verifier wants each field loaded at a constant offset from the socket. All are loaded before the family
 * is looked at, because the compiler joins loads from two branches into one of a computed address. */
#define SOCKET_WORD(sk, field) (*(volatile __u32 *)&(sk)->field)

/* Word by word, as endpoints_of_socket() does; see packet_forget(). */
static __always_inline void address_write(union address *address, __u32 first, __u32 second, __u32 third,
					  __u32 fourth)
{
	volatile __u32 *words = address->words;

	words[0] = first;
	words[1] = second;
	words[2] = third;
	words[3] = fourth;
}

static __always_inline void address_copy(union address *to, const union address *from)
{
	address_write(to, from->words[0], from->words[1], from->words[2], from->words[3]);
}

static __always_inline void endpoints_of_socket(struct endpoints *ends, struct bpf_sock *sk)
{
	const __u32 mapped = bpf_htonl(0xffff);
	__u32 zero = forgotten(0);
	__u32 local_ipv4 = SOCKET_WORD(sk, src_ip4);
	__u32 remote_ipv4 = SOCKET_WORD(sk, dst_ip4);
	__u32 local[] = {SOCKET_WORD(sk, src_ip6[0]), SOCKET_WORD(sk, src_ip6[1]),
			 SOCKET_WORD(sk, src_ip6[2]), SOCKET_WORD(sk, src_ip6[3])};
	__u32 remote[] = {SOCKET_WORD(sk, dst_ip6[0]), SOCKET_WORD(sk, dst_ip6[1]),
			  SOCKET_WORD(sk, dst_ip6[2]), SOCKET_WORD(sk, dst_ip6[3])};

	if (sk->family == AF_INET) {
		local[0] = local[1] = remote[0] = remote[1] = zero;
		local[2] = remote[2] = zero | mapped;
		local[3] = local_ipv4;
		remote[3] = remote_ipv4;
	}
	/* An IPv4 socket without peer has no address at all, in either family. */
	if (!(remote[0] | remote[1] | remote[3]) && remote[2] == mapped)
		remote[2] = zero;
	address_write(&ends->local, local[0], local[1], local[2], local[3]);
	address_write(&ends->remote, remote[0], remote[1], remote[2], remote[3]);
	ends->local_port = sk->src_port;
	/* Kernels below 5.18 accept a load of four bytes only here; later ones accept both. */
	ends->remote_port = bpf_ntohs((__be16)SOCKET_WORD(sk, dst_port));
}

/* Where a packet of the remote end would be going. Returns the bytes of the tuple that are in use. Without
 * branches, since the verifier goes on from a socket's look-up anew for each way there (below 6.6). */
static __always_inline __u32 tuple_of(struct bpf_sock_tuple *tuple, const union address *remote,
				      __u16 remote_port, const union address *local, __u16 local_port,
				      bool is_ipv4)
{
	__u64 is_long = !is_ipv4;
	__u32 ports = bpf_htons(remote_port) | (__u32)bpf_htons(local_port) << 16;

	is_long = forgotten(is_long) & 1;
	BPF_VARIABLE(is_long);
	__u32 short_mask = (__u32)is_long - 1;

	BPF_VARIABLE(short_mask);
	/* Of IPv4: the two addresses, and the ports at the place of the third word. */
	tuple->ipv6.saddr[0] = (remote->words[3] & short_mask) | (remote->words[0] & ~short_mask);
	tuple->ipv6.saddr[1] = (local->words[3] & short_mask) | (remote->words[1] & ~short_mask);
	tuple->ipv6.saddr[2] = (ports & short_mask) | (remote->words[2] & ~short_mask);
	tuple->ipv6.saddr[3] = remote->words[3];
	__builtin_memcpy(tuple->ipv6.daddr, local->words, sizeof(tuple->ipv6.daddr));
	tuple->ipv6.sport = bpf_htons(remote_port);
	tuple->ipv6.dport = bpf_htons(local_port);
	return sizeof(tuple->ipv4) + is_long * (sizeof(tuple->ipv6) - sizeof(tuple->ipv4));
}

#endif
