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
#include "messages.h"
#include "mptcp_figures.h"
#include "mptcp_paths.h"

#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long long sent, received;
/* Of what was sent, what MPTCP sent once more. */
static long long again;

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
