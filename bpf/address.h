/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The two ends of a socket or packet, in one form: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
#ifndef PROCNETMON_ADDRESS_H
#define PROCNETMON_ADDRESS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

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
	address->words[0] = 0;
	address->words[1] = 0;
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = ipv4;
}

static __always_inline bool address_is_set(const union address *address)
{
	return address->words[3] || address->words[0] || address->words[1] ||
	       (address->words[2] && address->words[2] != bpf_htonl(0xffff));
}

/* An IPv4 socket without peer has no address at all, in either family. */
static __always_inline void address_normalise(union address *address)
{
	if (!address_is_set(address))
		address->words[2] = 0;
}

/* The verifier wants each field loaded at a constant offset from the socket. All are loaded before the family
 * is looked at, because the compiler joins loads from two branches into one of a computed address. */
#define SOCKET_WORD(sk, field) (*(volatile __u32 *)&(sk)->field)

static __always_inline void endpoints_of_socket(struct endpoints *ends, struct bpf_sock *sk)
{
	__be32 local_ipv4 = SOCKET_WORD(sk, src_ip4);
	__be32 remote_ipv4 = SOCKET_WORD(sk, dst_ip4);

	ends->local.words[0] = SOCKET_WORD(sk, src_ip6[0]);
	ends->local.words[1] = SOCKET_WORD(sk, src_ip6[1]);
	ends->local.words[2] = SOCKET_WORD(sk, src_ip6[2]);
	ends->local.words[3] = SOCKET_WORD(sk, src_ip6[3]);
	ends->remote.words[0] = SOCKET_WORD(sk, dst_ip6[0]);
	ends->remote.words[1] = SOCKET_WORD(sk, dst_ip6[1]);
	ends->remote.words[2] = SOCKET_WORD(sk, dst_ip6[2]);
	ends->remote.words[3] = SOCKET_WORD(sk, dst_ip6[3]);
	if (sk->family == AF_INET) {
		address_from_ipv4(&ends->local, local_ipv4);
		address_from_ipv4(&ends->remote, remote_ipv4);
	}
	address_normalise(&ends->remote);
	ends->local_port = sk->src_port;
	/* Kernels below 5.18 accept a load of four bytes only here; later ones accept both. */
	ends->remote_port = bpf_ntohs((__be16)SOCKET_WORD(sk, dst_port));
}

/* Where a packet of the remote end would be going. Returns the bytes of the tuple that are in use. */
static __always_inline __u32 tuple_of(struct bpf_sock_tuple *tuple, const struct endpoints *ends,
				      bool is_ipv4)
{
	if (is_ipv4) {
		tuple->ipv4.saddr = ends->remote.words[3];
		tuple->ipv4.daddr = ends->local.words[3];
		tuple->ipv4.sport = bpf_htons(ends->remote_port);
		tuple->ipv4.dport = bpf_htons(ends->local_port);
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, ends->remote.words, sizeof(tuple->ipv6.saddr));
	__builtin_memcpy(tuple->ipv6.daddr, ends->local.words, sizeof(tuple->ipv6.daddr));
	tuple->ipv6.sport = bpf_htons(ends->remote_port);
	tuple->ipv6.dport = bpf_htons(ends->local_port);
	return sizeof(tuple->ipv6);
}

#endif
