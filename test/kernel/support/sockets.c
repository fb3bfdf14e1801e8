/* Speaks over any kind of IP socket and counts its own payload: the ground truth for what Node has no sockets
 * for. */
/* clang-format off
 *
 *   sockets ROLE [KEY=VALUE]...
 *
 *   send      sends `count` messages of `bytes` to `remote`; waits for `answer` bytes after each. Beside it run
 *             `members` processes that receive `member-bytes` each, with a socket of `member-type`
 *   serve     receives until standard input ends; sends `answer` bytes for each message, or each `every` bytes,
 *             back or to the group `to`
 *   connect   a stream: sends `count` x `bytes`, then reads to the end
 *   accept    a stream: takes `count` connections one after the other, reads each to its end, sends `answer` bytes
 *   frames    a packet socket: sends `count` frames of `bytes` to everybody on `interface`, `before` milliseconds
 *             after it was opened
 *
 * Payload is what follows the header below the socket: of UDP, for raw sockets of IP, for packet sockets of the
 * link. `serve` prints {"port"} when it is ready and {"sent","received"} at its end; all others
 * {"pid","sent","received","again"}, and stay for `linger` milliseconds.
 */
/* clang-format on */
#define _GNU_SOURCE
#include "acknowledged.h"
#include "mptcp_figures.h"
#include "mptcp_paths.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO     104
#endif

static int argument_count;
static char **arguments;
static bool is_member;
static unsigned long long sent, received;
/* Of what was sent, what MPTCP sent once more. */
static long long again;
static char buffer[1 << 17];

static const char *text(const char *key, const char *otherwise)
{
	const size_t length = strlen(key);

	for (int index = 2; index < argument_count; index++)
		if (!strncmp(arguments[index], key, length) && arguments[index][length] == '=')
			return arguments[index] + length + 1;
	return otherwise;
}

static long number(const char *key, long otherwise)
{
	const char *value = text(key, NULL);

	return value ? strtol(value, NULL, 0) : otherwise;
}

static int checked(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
	return (int)result;
}

static void set(int fd, int level, int name, const void *value, socklen_t length, const char *what)
{
	checked(setsockopt(fd, level, name, value, length), what);
}

static void set_number(int fd, int level, int name, int value, const char *what)
{
	set(fd, level, name, &value, sizeof(value), what);
}

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

static bool is_v6(void)
{
	return number("family", 4) == 6;
}

/* An address in the family of the socket. */
static struct address address_of(const char *key, long port)
{
	struct address address = {};
	const char *value = text(key, is_v6() ? "::" : "0.0.0.0");

	if (is_v6()) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons((uint16_t)port);
		checked(inet_pton(AF_INET6, value, &address.v6.sin6_addr) - 1, value);
		address.v6.sin6_scope_id = if_nametoindex(text("interface", "wire0"));
		address.length = sizeof(address.v6);
	} else {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons((uint16_t)port);
		checked(inet_pton(AF_INET, value, &address.v4.sin_addr) - 1, value);
		address.length = sizeof(address.v4);
	}
	return address;
}

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

static void print_truth(void)
{
	printf("{\"pid\":%d,\"sent\":%llu,\"received\":%llu,\"again\":%lld}\n", getpid(), sent, received,
	       again);
	fflush(stdout);
	/* Where there are no process events, what lives shorter than an interval is not seen. */
	usleep((useconds_t)number("linger", 0) * 1000);
}

static void receive(int fd, unsigned long long wanted, uint16_t sequence)
{
	static char message[1 << 17];

	while (wanted) {
		const ssize_t length = checked(recv(fd, message, sizeof(message), 0), "recv");
		const size_t content = content_of(message, (size_t)length);

		received += content;
		if (is_answer(message, sequence))
			wanted -= content < wanted ? content : wanted;
	}
}

/* A process that receives what this one sends, as a member of the group `join`. */
static void start_member(int ready)
{
	if (checked(fork(), "fork"))
		return;
	is_member = true;
	const int fd = open_socket();
	const struct address local = address_of("listen", number("port", 0));

	checked(bind(fd, &local.any, local.length), "bind");
	if (*text("join", ""))
		join_group(fd);
	checked(write(ready, "", 1), "write");
	receive(fd, (unsigned long long)number("member-bytes", 0), 0);
	print_truth();
	exit(0);
}

static void send_messages(void)
{
	const long members = number("members", 0), count = number("count", 1), peers = number("peers", 1);
	int ready[2];
	char byte;

	checked(pipe(ready), "pipe");
	for (long index = 0; index < members; index++) {
		start_member(ready[1]);
		checked(read(ready[0], &byte, 1), "read");
	}
	const int fd = open_socket();
	const struct address local = address_of("local", 0);

	checked(bind(fd, &local.any, local.length), "bind");
	if (number("connected", 0)) {
		const struct address remote = address_of("remote", number("port", 0));

		checked(connect(fd, &remote.any, remote.length), "connect");
	}
	for (long index = 0; index < count; index++) {
		size_t length;
		const size_t bytes = (size_t)number("bytes", 1);
		const char *message = compose(bytes, (uint16_t)index, &length);
		/* Raw sockets of IPv6 refuse a port. */
		const struct address remote = address_of("remote", number("port", 0) + index % peers);

		if (number("connected", 0))
			checked(send(fd, message, length, 0), "send");
		else
			checked(sendto(fd, message, length, 0, &remote.any, remote.length), "sendto");
		sent += bytes;
		receive(fd, (unsigned long long)number("answer", 0), (uint16_t)index);
	}
	print_truth();
	while (wait(NULL) > 0)
		;
}

static void serve(void)
{
	const long sockets = number("peers", 1);
	struct pollfd polled[64] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	static char message[1 << 17];
	size_t unanswered = 0;

	for (long index = 0; index < sockets; index++) {
		const struct address local = address_of("local", number("port", 0) + index);

		polled[index + 1] = (struct pollfd){.fd = open_socket(), .events = POLLIN};
		checked(bind(polled[index + 1].fd, &local.any, local.length), "bind");
		if (*text("join", ""))
			join_group(polled[index + 1].fd);
	}
	printf("{\"port\":%ld}\n", number("port", 0));
	fflush(stdout);
	while (checked(poll(polled, (nfds_t)sockets + 1, -1), "poll") && !polled[0].revents) {
		for (long index = 1; index <= sockets; index++) {
			struct address peer = {.length = sizeof(peer.v6)};
			size_t length;

			if (!polled[index].revents)
				continue;
			const ssize_t got = checked(
			    recvfrom(polled[index].fd, message, sizeof(message), 0, &peer.any, &peer.length),
			    "recvfrom");

			received += content_of(message, (size_t)got);
			unanswered += content_of(message, (size_t)got);
			const size_t bytes = (size_t)number("answer", 0);

			/* What this end sends to a group comes back to it. */
			if (!bytes || unanswered < (size_t)number("every", 1) ||
			    (*text("to", "") && (size_t)got == bytes))
				continue;
			unanswered = 0;
			const char *answer = compose(bytes, 0, &length);

			if (*text("to", ""))
				peer = address_of("to", number("port", 0));
			checked(sendto(polled[index].fd, answer, length, 0, &peer.any, peer.length),
				"sendto");
			sent += bytes;
		}
	}
	printf("{\"sent\":%llu,\"received\":%llu}\n", sent, received);
}

static void write_all(int fd, size_t bytes)
{
	while (bytes) {
		const size_t part = bytes < sizeof(buffer) ? bytes : sizeof(buffer);
		const ssize_t written = checked(send(fd, buffer, part, MSG_NOSIGNAL), "send");

		sent += (size_t)written;
		bytes -= (size_t)written;
	}
}

static void read_to_end(int fd)
{
	ssize_t length;

	while ((length = checked(recv(fd, buffer, sizeof(buffer), 0), "recv")) > 0)
		received += (size_t)length;
}

/* The one of MPTCP only when its path has ended: before all is acknowledged the kernel cannot say what it
 * sends again, and of a connection that is closed first the last packets are not seen from outside of its
 * network namespace. */
static void close_stream(int fd)
{
	const bool is_mptcp = number("protocol", 0) == IPPROTO_MPTCP;

	if (is_mptcp)
		checked(wait_until_acknowledged(fd), "SIOCOUTQ");
	const long long bytes = sent_again(fd);

	if (bytes > 0)
		again += bytes;
	if (is_mptcp && !wait_for_end(is_v6(), (unsigned)number("port", 0))) {
		fprintf(stderr, "its path does not end\n");
		exit(1);
	}
	close(fd);
}

static void connect_stream(void)
{
	const struct address remote = address_of("remote", number("port", 0));
	int fd = open_socket();

	/* The other end may be on its way. */
	while (connect(fd, &remote.any, remote.length)) {
		close(fd);
		usleep(10000);
		fd = open_socket();
	}
	for (long index = 0; index < number("count", 1); index++)
		write_all(fd, (size_t)number("bytes", 1));
	checked(shutdown(fd, SHUT_WR), "shutdown");
	read_to_end(fd);
	close_stream(fd);
	print_truth();
}

static void accept_streams(void)
{
	const struct address local = address_of("local", number("port", 0));
	const int listening = open_socket();

	checked(bind(listening, &local.any, local.length), "bind");
	checked(listen(listening, 16), "listen");
	for (long index = 0; index < number("count", 1); index++) {
		const int fd = checked(accept(listening, NULL, NULL), "accept");

		read_to_end(fd);
		write_all(fd, (size_t)number("answer", 0));
		checked(shutdown(fd, SHUT_WR), "shutdown");
		close_stream(fd);
	}
	print_truth();
}

static void send_frames(void)
{
	const bool is_raw = socket_type() == SOCK_RAW;
	const int fd = checked(socket(AF_PACKET, socket_type(), htons(ETH_P_ALL)), "socket");
	const size_t bytes = (size_t)number("bytes", 64);
	struct sockaddr_ll everybody = {
	    .sll_family = AF_PACKET,
	    .sll_protocol = htons((uint16_t)number("ethertype", 0x88b5)),
	    .sll_ifindex = (int)if_nametoindex(text("interface", "wire0")),
	    .sll_halen = ETH_ALEN,
	    .sll_addr = {255, 255, 255, 255, 255, 255},
	};
	struct ether_header *ethernet = (struct ether_header *)buffer;

	memset(buffer, 0, sizeof(buffer));
	memset(ethernet->ether_dhost, 255, ETH_ALEN);
	ethernet->ether_type = everybody.sll_protocol;
	/* Until somebody has found the socket. */
	usleep((useconds_t)number("before", 0) * 1000);
	for (long index = 0; index < number("count", 1); index++) {
		const size_t offset = is_raw ? 0 : sizeof(*ethernet);

		checked(sendto(fd, buffer + offset, bytes + sizeof(*ethernet) - offset, 0,
			       (struct sockaddr *)&everybody, sizeof(everybody)),
			"sendto");
		sent += bytes;
	}
	print_truth();
}

int main(int count, char **values)
{
	const struct {
		const char *name;
		void (*run)(void);
	} roles[] = {
	    {"send", send_messages},    {"serve", serve},        {"connect", connect_stream},
	    {"accept", accept_streams}, {"frames", send_frames},
	};

	argument_count = count;
	arguments = values;
	for (size_t index = 0; count > 1 && index < sizeof(roles) / sizeof(*roles); index++) {
		if (strcmp(values[1], roles[index].name))
			continue;
		roles[index].run();
		return 0;
	}
	fprintf(stderr, "usage: sockets send|serve|connect|accept|frames [KEY=VALUE]...\n");
	return 2;
}
