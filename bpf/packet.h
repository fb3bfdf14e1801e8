/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Reads the headers of a packet, from the network header on: the same way in tc and in cgroup programs. */
#ifndef PROCNETMON_PACKET_H
#define PROCNETMON_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include "address.h"
#include "verifier.h"

#ifndef IPPROTO_ESP
#define IPPROTO_ESP 50
#endif
#ifndef IPPROTO_AH
#define IPPROTO_AH 51
#endif

#define IPV4_MORE_FRAGMENTS  0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff

enum echo {
	ECHO_NONE,
	ECHO_REQUEST,
	ECHO_REPLY,
};

struct packet {
	union address source;
	union address destination;
	__u16 network_header_bytes;   /* IP header with its options */
	__u16 transport_header_bytes; /* TCP with its options, UDP, AH that stays; 0 for others */
	__u16 source_port; /* host byte order; 0 in a fragment other than the first, and without ports */
	__u16 destination_port;
	__u32 identification; /* of an IPv4 datagram and its fragments; 0 for IPv6 */
	__u32 total_bytes; /* from the network header on, without the padding of short Ethernet frames; 0 in a
			      bundle that is longer than the header can say */
	__u32 payload_bytes;   /* datagrams: content as the UDP header gives it; others: what follows the IP
				  header */
	__u32 sequence;        /* TCP: sequence number in the header */
	__u32 acknowledged;    /* TCP: acknowledgement number in the header */
	__u16 echo_identifier; /* host byte order, when `echo` is one */
	__u16 is_fragment;     /* 0 when not, as all that follow */
	__u16 is_later_fragment;
	__u8 protocol;
	__u8 before_protocol; /* IPv6: destination options before it, which are cut with it; 0 without */
	__u8 is_ipv4;
	__u8 is_syn : 1;
	__u8 is_fin : 1;
	__u8 is_reset : 1;
	__u8 has_jumbo_option : 1; /* of RFC 2675: some kernels put it into bundles that are so long, and into
				      none of their segments */
	__u8 echo;                 /* enum echo */
};

struct icmp_echo_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 identifier;
	__be16 sequence;
};

#define ICMP_ECHO_REPLY     0
#define ICMP_ECHO_REQUEST   8
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY   129

static __always_inline bool packet_read_ipv4(struct __sk_buff *skb, struct packet *packet)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET))
		return false;
	__u16 fragment = bpf_ntohs(ip.frag_off);

	packet->is_ipv4 = true;
	packet->protocol = ip.protocol;
	packet->network_header_bytes = ip.ihl * 4;
	packet->total_bytes = bpf_ntohs(ip.tot_len);
	packet->identification = bpf_ntohs(ip.id);
	packet->is_later_fragment = fragment & IPV4_FRAGMENT_OFFSET;
	packet->is_fragment = fragment & (IPV4_FRAGMENT_OFFSET | IPV4_MORE_FRAGMENTS);
	address_from_ipv4(&packet->source, ip.saddr);
	address_from_ipv4(&packet->destination, ip.daddr);
	return true;
}

/* A packet whose own headers are not to be seen: they are encrypted by IPsec, or stand behind its header and
 * another one's. */
static __always_inline bool is_opaque(const struct packet *packet)
{
	return (packet->protocol | 1) == IPPROTO_AH;
}

/* What follows the IP header. */
static __always_inline __u32 content_bytes(const struct packet *packet)
{
	return packet->total_bytes > packet->network_header_bytes
		   ? packet->total_bytes - packet->network_header_bytes
		   : 0;
}

/* From the network header on, of `seen_bytes` that there seem to be. */
static __always_inline __u32 network_bytes_of(const struct packet *packet, __u32 seen_bytes)
{
	return forgotten(packet->total_bytes && packet->total_bytes < seen_bytes ? packet->total_bytes
										 : seen_bytes);
}

struct ipv6_fragment_header {
	__u8 next_header;
	__u8 reserved;
	__be16 offset_and_more;
	__be32 identification;
};

/* Extension headers of other protocols than these end the chain. */
static __always_inline bool is_extension_header(__u32 protocol)
{
	return protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS;
}

/* Each of them has eight bytes at least. */
STEP bool skip_extension_header(struct __sk_buff *skb, struct packet *packet)
{
	union {
		struct {
			__u8 next_header;
			__u8 further_words; /* of 8 bytes; a fragment header has none */
		} any;
		struct ipv6_fragment_header fragment;
	} header;
	__u32 bytes = sizeof(header);

	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes, &header, sizeof(header),
					BPF_HDR_START_NET))
		return false;
	if (packet->protocol == IPPROTO_FRAGMENT) {
		packet->is_fragment = true;
		packet->is_later_fragment = bpf_ntohs(header.fragment.offset_and_more) & 0xfff8;
	} else {
		bytes += header.any.further_words * 8;
	}
	packet->before_protocol = forgotten(packet->protocol == IPPROTO_DSTOPTS ? IPPROTO_DSTOPTS : 0);
	packet->protocol = header.any.next_header;
	packet->network_header_bytes += bytes;
	return true;
}

static __always_inline bool packet_read_ipv6(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET))
		return false;
	packet->protocol = ip.nexthdr;
	packet->network_header_bytes = sizeof(ip);
	packet->total_bytes = ip.payload_len ? sizeof(ip) + bpf_ntohs(ip.payload_len) : 0;
	packet->has_jumbo_option = forgotten(!ip.payload_len && ip.nexthdr == IPPROTO_HOPOPTS);
	__builtin_memcpy(&packet->source, &ip.saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip.daddr, sizeof(packet->destination));

	/* Extension headers in the order that RFC 8200 recommends; four are more than any stack sends. */
#pragma unroll
	for (int i = 0; i < 4; i++) {
		/* What follows in a later fragment is content. */
		if (!is_extension_header(packet->protocol) || packet->is_later_fragment)
			break;
		if (!skip_extension_header(skb, packet))
			return false;
	}
	return true;
}

/* IPsec's authentication header (RFC 4302) leaves what it is put in front of as it is, so it is passed over.
 * It stays in front of another packet, and of a part of one: to the hooks at the socket they are as if they
 * were encrypted. */
STEP bool skip_authentication(struct __sk_buff *skb, struct packet *packet)
{
	struct {
		__u8 next_header;
		__u8 further_words; /* of 4 bytes; the first two are not counted */
		__be16 reserved;
	} header;

	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes, &header, sizeof(header),
					BPF_HDR_START_NET))
		return false;
	__u32 bytes = (header.further_words + 2) * 4;

	bool stays =
	    packet->is_fragment || header.next_header == IPPROTO_IPIP || header.next_header == IPPROTO_IPV6;

	packet->transport_header_bytes = forgotten(stays ? bytes : 0);
	packet->network_header_bytes += forgotten(stays ? 0 : bytes);
	packet->protocol = forgotten(stays ? IPPROTO_AH : header.next_header);
	return true;
}

static __always_inline void read_echo(struct __sk_buff *skb, struct packet *packet)
{
	struct icmp_echo_header icmp;

	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes, &icmp, sizeof(icmp),
					BPF_HDR_START_NET))
		return;
	packet->echo_identifier = bpf_ntohs(icmp.identifier);
	if (icmp.type == (packet->is_ipv4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST))
		packet->echo = ECHO_REQUEST;
	else if (icmp.type == (packet->is_ipv4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY))
		packet->echo = ECHO_REPLY;
}

/* False when TCP's header is not there. */
static __always_inline bool read_tcp(struct __sk_buff *skb, struct packet *packet)
{
	struct tcphdr tcp;

	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes, &tcp, sizeof(tcp),
					BPF_HDR_START_NET))
		return false;
	packet->source_port = bpf_ntohs(tcp.source);
	packet->destination_port = bpf_ntohs(tcp.dest);
	packet->transport_header_bytes = tcp.doff * 4;
	packet->sequence = bpf_ntohl(tcp.seq);
	packet->acknowledged = bpf_ntohl(tcp.ack_seq);
	packet->is_syn = tcp.syn;
	packet->is_fin = tcp.fin;
	packet->is_reset = tcp.rst;
	return true;
}

/* UDP and UDP-Lite. The latter gives in place of the length how much the checksum covers. */
static __always_inline bool read_udp(struct __sk_buff *skb, struct packet *packet)
{
	struct udphdr udp;

	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes, &udp, sizeof(udp),
					BPF_HDR_START_NET))
		return false;
	packet->source_port = bpf_ntohs(udp.source);
	packet->destination_port = bpf_ntohs(udp.dest);
	packet->transport_header_bytes = sizeof(udp);
	if (packet->protocol == IPPROTO_UDP)
		packet->payload_bytes = bpf_ntohs(udp.len);
	packet->payload_bytes = packet->payload_bytes > sizeof(udp) ? packet->payload_bytes - sizeof(udp) : 0;
	return true;
}

/* Leaves nothing of the ways through the headers. From 6.8 on the verifier remembers of each eight bytes how
 * the first field was written, and what; until another one of them is. */
static __always_inline void packet_forget(struct packet *packet)
{
	packet->transport_header_bytes = forgotten(packet->transport_header_bytes);
	packet->total_bytes = forgotten(packet->total_bytes);
	packet->sequence = forgotten(packet->sequence);
	packet->is_fragment = forgotten(packet->is_fragment);
	packet->protocol = forgotten(packet->protocol);
}

/* Up to what the socket's own protocol begins with. */
STEP bool read_network(struct __sk_buff *skb, struct packet *packet)
{
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (!packet_read_ipv4(skb, packet))
			return false;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (!packet_read_ipv6(skb, packet))
			return false;
	} else {
		return false;
	}
	if (packet->protocol == IPPROTO_AH && !packet->is_later_fragment && !skip_authentication(skb, packet))
		return false;
	packet_forget(packet);
	return forgotten(true);
}

static __always_inline bool packet_parse(struct __sk_buff *skb, struct packet *packet)
{
	if (!read_network(skb, packet))
		return false;
	if (packet->is_later_fragment) {
		packet->payload_bytes = content_bytes(packet);
		return true;
	}
	if (packet->protocol == IPPROTO_TCP)
		return read_tcp(skb, packet);
	if (packet->protocol == IPPROTO_UDP)
		return read_udp(skb, packet);
	packet->payload_bytes = content_bytes(packet);
	if (packet->protocol == IPPROTO_UDPLITE)
		return read_udp(skb, packet);
	if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)
		read_echo(skb, packet);
	return true;
}

/* Fills `packet` for IPv4 and IPv6; false for all else, and for headers that are cut off. */
static __always_inline bool packet_read(struct __sk_buff *skb, struct packet *packet)
{
	__u64 zero = forgotten(0);
	__u64 *words = (__u64 *)packet;

	_Static_assert(sizeof(*packet) % sizeof(*words) == 0, "it is cleared in words");
#pragma unroll
	for (__u32 i = 0; i < sizeof(*packet) / sizeof(*words); i++)
		words[i] = zero;
	bool is_readable = packet_parse(skb, packet);

	packet_forget(packet);
	return forgotten(is_readable);
}

#endif
