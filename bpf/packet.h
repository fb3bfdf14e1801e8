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

#define IPV4_MORE_FRAGMENTS  0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff

struct packet {
	union address source;
	union address destination;
	__u16 source_port; /* host byte order; 0 in a fragment other than the first, and without ports */
	__u16 destination_port;
	__u16 network_header_bytes;   /* IP header with its options */
	__u16 transport_header_bytes; /* TCP with its options, UDP; 0 for others */
	__u32 identification;         /* of an IPv4 datagram and its fragments; 0 for IPv6 */
	__u32 total_bytes; /* from the network header on, without the padding of short Ethernet frames */
	__u8 protocol;
	bool is_ipv4;
	bool is_fragment;
	bool is_later_fragment;
	__u32 sequence; /* TCP: of the first byte of payload */
	bool is_fin;
	bool is_reset;
	__u32 sequence_at;     /* TCP: sequence number in the header */
	__u32 acknowledged;    /* TCP: acknowledgement number in the header */
	__u32 fin_end;         /* sequence number after the FIN, when is_fin */
	__u32 payload_bytes;   /* datagrams: content as the UDP header gives it; others: what follows the IP
				  header */
	__u16 echo_identifier; /* host byte order, when one of the next two */
	bool is_echo_request;
	bool is_echo_reply;
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

/* What follows the IP header. */
static __always_inline __u32 content_bytes(const struct packet *packet)
{
	return packet->total_bytes > packet->network_header_bytes
		   ? packet->total_bytes - packet->network_header_bytes
		   : 0;
}

struct ipv6_fragment_header {
	__u8 next_header;
	__u8 reserved;
	__be16 offset_and_more;
	__be32 identification;
};

static __always_inline bool packet_read_ipv6(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes_relative(skb, 0, &ip, sizeof(ip), BPF_HDR_START_NET))
		return false;
	packet->protocol = ip.nexthdr;
	packet->network_header_bytes = sizeof(ip);
	packet->total_bytes = sizeof(ip) + bpf_ntohs(ip.payload_len);
	__builtin_memcpy(&packet->source, &ip.saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip.daddr, sizeof(packet->destination));

	/* Extension headers in the order that RFC 8200 recommends; four are more than any stack sends. */
#pragma unroll
	for (int i = 0; i < 4; i++) {
		__u8 header[2];
		__u16 offset = packet->network_header_bytes;

		if (packet->protocol == IPPROTO_FRAGMENT) {
			struct ipv6_fragment_header fragment;

			if (bpf_skb_load_bytes_relative(skb, offset, &fragment, sizeof(fragment),
							BPF_HDR_START_NET))
				return false;
			packet->is_fragment = true;
			packet->is_later_fragment = bpf_ntohs(fragment.offset_and_more) & 0xfff8;
			packet->protocol = fragment.next_header;
			packet->network_header_bytes += sizeof(fragment);
		} else if (packet->protocol == IPPROTO_HOPOPTS || packet->protocol == IPPROTO_ROUTING ||
			   packet->protocol == IPPROTO_DSTOPTS) {
			if (bpf_skb_load_bytes_relative(skb, offset, header, sizeof(header),
							BPF_HDR_START_NET))
				return false;
			packet->protocol = header[0];
			packet->network_header_bytes += (header[1] + 1) * 8;
		} else {
			break;
		}
	}
	return true;
}

static __always_inline void read_echo(struct __sk_buff *skb, struct packet *packet)
{
	struct icmp_echo_header icmp;

	if (bpf_skb_load_bytes_relative(skb, packet->network_header_bytes, &icmp, sizeof(icmp),
					BPF_HDR_START_NET))
		return;
	packet->echo_identifier = bpf_ntohs(icmp.identifier);
	packet->is_echo_request = icmp.type == (packet->is_ipv4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST);
	packet->is_echo_reply = icmp.type == (packet->is_ipv4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY);
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
	packet->sequence = bpf_ntohl(tcp.seq) + tcp.syn;
	packet->is_fin = tcp.fin;
	packet->is_reset = tcp.rst;
	packet->sequence_at = bpf_ntohl(tcp.seq);
	packet->acknowledged = bpf_ntohl(tcp.ack_seq);
	packet->fin_end = bpf_ntohl(tcp.seq) + packet->total_bytes - packet->network_header_bytes -
			  packet->transport_header_bytes + 1;
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

static __always_inline bool packet_parse(struct __sk_buff *skb, struct packet *packet)
{
	__builtin_memset(packet, 0, sizeof(*packet));
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (!packet_read_ipv4(skb, packet))
			return false;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (!packet_read_ipv6(skb, packet))
			return false;
	} else {
		return false;
	}

	/* Of fragments each adds its part; UDP's header alone gives the whole. */
	if (packet->is_later_fragment) {
		if (packet->protocol != IPPROTO_UDP)
			packet->payload_bytes = content_bytes(packet);
		return true;
	}
	switch (packet->protocol) {
	case IPPROTO_TCP:
		return read_tcp(skb, packet);
	case IPPROTO_UDP:
		return read_udp(skb, packet);
	case IPPROTO_UDPLITE:
		packet->payload_bytes = content_bytes(packet);
		return read_udp(skb, packet);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		read_echo(skb, packet);
		break;
	}
	packet->payload_bytes = content_bytes(packet);
	return true;
}

/* Always 0, which the verifier does not know. */
__u32 unknown_zero = 0;

/* Makes fewer states of the ways through the headers. The verifier goes on from each by itself as long as it
 * knows what was found there, which costs time at every start, most of all on old kernels. */
static __always_inline void packet_forget_path(struct packet *packet)
{
	__u32 zero = *(volatile __u32 *)&unknown_zero;

	packet->source_port |= zero;
	packet->destination_port |= zero;
	packet->network_header_bytes |= zero;
	packet->transport_header_bytes |= zero;
	packet->identification |= zero;
	packet->total_bytes |= zero;
	packet->protocol |= zero;
	packet->is_ipv4 |= zero & 1;
	packet->is_fragment |= zero & 1;
	packet->is_later_fragment |= zero & 1;
	packet->sequence |= zero;
	packet->is_fin |= zero & 1;
	packet->is_reset |= zero & 1;
	packet->sequence_at |= zero;
	packet->acknowledged |= zero;
	packet->fin_end |= zero;
	packet->payload_bytes |= zero;
	packet->echo_identifier |= zero;
	packet->is_echo_request |= zero & 1;
	packet->is_echo_reply |= zero & 1;
}

/* Fills `packet` for IPv4 and IPv6; false for all else, and for headers that are cut off. */
static __always_inline bool packet_read(struct __sk_buff *skb, struct packet *packet)
{
	if (!packet_parse(skb, packet))
		return false;
	packet_forget_path(packet);
	return true;
}

#endif
