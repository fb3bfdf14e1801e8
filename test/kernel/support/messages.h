/* Messages as the socket takes and gives them: with the headers that the program has to write or gets to
 * read. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "any_socket.h"

#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <unistd.h>

static char buffer[1 << 17];

static uint16_t internet_checksum(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t index = 0; index + 1 < length; index += 2)
		sum += (uint32_t)(bytes[index] << 8 | bytes[index + 1]);
	if (length & 1)
		sum += (uint32_t)(bytes[length - 1] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Puts what the socket wants in front of `bytes` of payload, and returns where the message begins. Raw and
 * packet sockets count all of it but for an IP header, ICMP's header is part of the payload. */
static char *compose(size_t bytes, uint16_t sequence, size_t *length)
{
	char *payload = buffer + 256;

	memset(payload, 'x', bytes);
	*length = bytes;
	if (is_echo()) {
		struct icmphdr *icmp = (struct icmphdr *)payload;

		memset(icmp, 0, sizeof(*icmp));
		icmp->type = is_v6() ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
		icmp->un.echo.id = htons((uint16_t)getpid());
		icmp->un.echo.sequence = htons(sequence);
		/* ICMPv6 has the addresses in its checksum; the kernel fills it in. */
		icmp->checksum = internet_checksum(payload, bytes);
	}
	if (number("header", 0)) {
		struct iphdr *ip = (struct iphdr *)(payload - sizeof(*ip));
		const struct address from = address_of("local", 0), to = address_of("remote", 0);

		*ip = (struct iphdr){
		    .version = 4,
		    .ihl = 5,
		    .ttl = 64,
		    .protocol = (uint8_t)number("inner", number("protocol", 0)),
		    .saddr = from.v4.sin_addr.s_addr,
		    .daddr = to.v4.sin_addr.s_addr,
		};
		*length += sizeof(*ip);
		return (char *)ip;
	}
	return payload;
}

/* Payload of a message as it was received: IPv4's raw sockets get the header too. */
static size_t content_of(const char *message, size_t length)
{
	return socket_type() == SOCK_RAW && !is_v6() ? length - (size_t)((*message & 15) * 4) : length;
}

static bool is_answer(const char *message, uint16_t sequence)
{
	const char *content = socket_type() == SOCK_RAW && !is_v6() ? message + (*message & 15) * 4 : message;
	const struct icmphdr *icmp = (const struct icmphdr *)content;

	if (!is_echo() || is_member)
		return true;
	return icmp->type == (is_v6() ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
	       ntohs(icmp->un.echo.sequence) == sequence &&
	       (socket_type() != SOCK_RAW || ntohs(icmp->un.echo.id) == (uint16_t)getpid());
}

#endif
