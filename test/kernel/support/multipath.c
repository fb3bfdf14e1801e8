/* One connection of MPTCP over several paths. Both ends send `BYTES`, the connecting one first, once the
 * connection has as many paths as it is to have. */
/* clang-format off
 *
 *   multipath connect PROTOCOL ADDRESS PORT GATE BYTES PATHS [COMMAND]
 *   multipath accept PROTOCOL ADDRESS PORT GATE BYTES [WORKER]
 *
 * PROTOCOL is `mptcp` or `tcp`. GATE is a file that both make as a pipe, by which the accepting end lets the other
 * one go on, and by which both wait for each other at the end. COMMAND is run once the connection stands. With WORKER,
 * a child accepts it. Each process that has moved payload prints {"pid","sent","received","again"} at its end, when no
 * path is open any more: `again` are bytes that the kernel sent over a second path too, -1 where it does not tell
 * (below 6.5).
 */
/* clang-format on */
#define _GNU_SOURCE
#include "exchange.h"
#include "mptcp_figures.h"
#include "mptcp_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int protocol;
static const char *address;
static int port;

static int open_socket(void)
{
	const int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	const int fd = checked(socket(family, SOCK_STREAM, protocol), "socket");
	const int on = 1;

	checked(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	return fd;
}

static bool is_ipv6(void)
{
	return strchr(address, ':');
}

static void expect(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "%s, %d paths are established\n", what, paths(is_ipv6(), (unsigned)port, true));
	exit(1);
}

static void pass_gate(const char *gate, int mode)
{
	if (mkfifo(gate, 0600) && errno != EEXIST)
		fail("mkfifo");
	close(checked(open(gate, mode), "open"));
}

/* The socket stays until both ends are done: of a connection that is closed first the last packets are not
 * seen from outside of its network namespace, and an end in TIME_WAIT answers what the other one sends again.
 */
static void end_connection(int fd, const char *gate, int mode)
{
	checked(shutdown(fd, SHUT_WR), "shutdown");
	receive_to_end(fd);
	const long long again = sent_again(fd);

	expect(wait_for_end(is_ipv6(), (unsigned)port), "the paths do not end");
	pass_gate(gate, mode);
	close(fd);
	printf("{\"pid\":%d,\"sent\":%llu,\"received\":%llu,\"again\":%lld}\n", (int)getpid(),
	       (unsigned long long)totals.sent, (unsigned long long)totals.received, again);
}

static void connecting_end(const char *gate, uint64_t bytes, int wanted, const char *command)
{
	const int fd = open_socket();

	pass_gate(gate, O_RDONLY);
	connect_to(fd, address, port);
	/* Further paths are opened when the first one has carried something both ways. */
	send_bytes(fd, 1);
	receive_bytes(fd, 1);
	if (command && system(command))
		exit(1);
	expect(wait_for_paths(is_ipv6(), (unsigned)port, wanted), "there are too few paths");
	send_bytes(fd, bytes);
	receive_bytes(fd, bytes);
	end_connection(fd, gate, O_RDONLY);
}

static void accepting_end(const char *gate, uint64_t bytes, bool is_worker)
{
	struct sockaddr_storage storage;
	const int listening = open_socket();
	const socklen_t length = socket_address(&storage, address, port);

	checked(bind(listening, (struct sockaddr *)&storage, length), "bind");
	checked(listen(listening, 16), "listen");
	if (is_worker && checked(fork(), "fork")) {
		int status;

		checked(wait(&status), "wait");
		exit(status ? 1 : 0);
	}
	pass_gate(gate, O_WRONLY);
	struct sockaddr_storage peer;
	socklen_t peer_length = sizeof(peer);
	const int fd = checked(accept(listening, (struct sockaddr *)&peer, &peer_length), "accept");

	receive_bytes(fd, 1);
	send_bytes(fd, 1);
	receive_bytes(fd, bytes);
	send_bytes(fd, bytes);
	end_connection(fd, gate, O_WRONLY);
}

int main(int count, char **arguments)
{
	if (count < 7) {
		fprintf(stderr, "usage: multipath connect|accept PROTOCOL ADDRESS PORT GATE BYTES [...]\n");
		return 2;
	}
	protocol = strcmp(arguments[2], "mptcp") ? IPPROTO_TCP : IPPROTO_MPTCP;
	address = arguments[3];
	port = atoi(arguments[4]);
	const uint64_t bytes = strtoull(arguments[6], NULL, 10);
	const char *first = count > 7 ? arguments[7] : NULL, *second = count > 8 ? arguments[8] : NULL;

	if (!strcmp(arguments[1], "accept"))
		accepting_end(arguments[5], bytes, first);
	else
		connecting_end(arguments[5], bytes, first ? atoi(first) : 1, second);
	return 0;
}
