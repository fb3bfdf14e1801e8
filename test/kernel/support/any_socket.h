/* The socket that the options ask for: of any IP protocol, with what is set on it. */
#ifndef ANY_SOCKET_H
#define ANY_SOCKET_H

#include "options.h"

#include <netinet/icmp6.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO     104
#endif

static bool is_member;

static int socket_type(void)
{
	const char *type = text(is_member ? "member-type" : "type", text("type", "dgram"));

	return !strcmp(type, "raw") ? SOCK_RAW : !strcmp(type, "stream") ? SOCK_STREAM : SOCK_DGRAM;
}

static bool is_echo(void)
{
	const long protocol = number("protocol", 0);

	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void join_group(int fd)
{
	const unsigned interface = if_nametoindex(text("interface", "wire0"));

	if (is_v6()) {
		struct ipv6_mreq request = {.ipv6mr_interface = interface};

		inet_pton(AF_INET6, text("join", ""), &request.ipv6mr_multiaddr);
		set(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof(request), "IPV6_JOIN_GROUP");
	} else {
		struct ip_mreqn request = {.imr_ifindex = (int)interface};

		inet_pton(AF_INET, text("join", ""), &request.imr_multiaddr);
		set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request), "IP_ADD_MEMBERSHIP");
	}
}

/* Headers of IPv6 that change nothing: eight bytes of padding each, and a way (RFC 8754) with no stop before
 * its end. */
static void add_extension(int fd)
{
	const char *extension = text("extension", NULL);
	const unsigned char options[8] = {0, 0, 1, 4};
	unsigned char way[24] = {0, 2, 4};

	if (!extension)
		return;
	if (strstr(extension, "routing")) {
		checked(inet_pton(AF_INET6, text("remote", ""), way + 8) - 1, "remote");
		set(fd, IPPROTO_IPV6, IPV6_RTHDR, way, sizeof(way), "IPV6_RTHDR");
	}
	if (strstr(extension, "hop"))
		set(fd, IPPROTO_IPV6, IPV6_HOPOPTS, options, sizeof(options), "IPV6_HOPOPTS");
	if (strstr(extension, "destination"))
		set(fd, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options), "IPV6_DSTOPTS");
}

static int open_socket(void)
{
	const int fd = checked(
	    socket(is_v6() ? AF_INET6 : AF_INET, socket_type(), (int)number("protocol", 0)), "socket");
	const unsigned interface = if_nametoindex(text("interface", "wire0"));
	const struct timeval patience = {.tv_sec = 10};

	set(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience), "SO_RCVTIMEO");
	set_number(fd, SOL_SOCKET, SO_RCVBUF, 1 << 22, "SO_RCVBUF");
	set_number(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
	set_number(fd, SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST");
	if (socket_type() == SOCK_DGRAM && interface) {
		const struct ip_mreqn request = {.imr_ifindex = (int)interface};

		if (is_v6())
			set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)interface, "IPV6_MULTICAST_IF");
		else
			set(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request), "IP_MULTICAST_IF");
	}
	if (number("segment", 0))
		set_number(fd, IPPROTO_UDP, UDP_SEGMENT, (int)number("segment", 0), "UDP_SEGMENT");
	if (number("gro", 0))
		set_number(fd, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
	if (number("header", 0))
		set_number(fd, IPPROTO_IP, IP_HDRINCL, 1, "IP_HDRINCL");
	if (socket_type() == SOCK_RAW && number("protocol", 0) == IPPROTO_ICMPV6) {
		struct icmp6_filter filter;

		/* Without it, neighbours that look for each other are received too. */
		ICMP6_FILTER_SETBLOCKALL(&filter);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
		set(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter), "ICMP6_FILTER");
	}
	add_extension(fd);
	return fd;
}

#endif
