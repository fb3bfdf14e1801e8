/* Does with sockets what it is told by lines on its standard input, and answers each with a line of JSON.
 * Sockets are named by their descriptors. What fails says so with the name of its error; nothing ends the
 * program but the end of its input. Answers say when connect() or close() was called last, and when it came
 * back.
 *
 *   option NAME VALUE          for sockets made afterwards: syncnt, user-timeout, keepalive, fin-wait;
 *                              local-port: of those that connect, 0 for any
 *   connect ADDRESS PORT       waits for the outcome
 *   start ADDRESS PORT         begins to connect, does not wait
 *   listen ADDRESS
 *   accept SOCKET
 *   datagrams ADDRESS PORT     a connected datagram socket
 *   send SOCKET BYTES          everything
 *   receive SOCKET BYTES       everything
 *   wait SOCKET                until there is something to read, an end or an error; gives the error
 *   shutdown SOCKET | close SOCKET | abort SOCKET
 *   scan ADDRESS PORT COUNT    connects to so many ports, one after the other; gives how many were refused
 *   hold ADDRESS PORT COUNT    opens so many connections and keeps them
 *   accept-all SOCKET COUNT    accepts so many
 *   each BYTES                 sends as much on each connection that is held, receives as much on each
 * accepted one peers ADDRESS PORT COUNT BYTES   one datagram to each of so many ports, from one socket
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MANY 20000

static int syn_count, user_timeout_millis, keepalive_seconds, fin_wait_seconds, local_port;
static int held[MANY], held_count, accepted[MANY], accepted_count;
/* In microseconds of CLOCK_MONOTONIC; rounded so that the call lies in between. */
static long called_at, returned_at;

static void answer(int socket, long value, int error)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof(local);
	int port = 0;

	if (socket >= 0 && getsockname(socket, (struct sockaddr *)&local, &length) == 0)
		port = ntohs(local.ss_family == AF_INET ? ((struct sockaddr_in *)&local)->sin_port
							: ((struct sockaddr_in6 *)&local)->sin6_port);
	printf("{\"socket\":%d,\"port\":%d,\"value\":%ld,\"error\":\"%s\",", socket, port, value,
	       error ? strerrorname_np(error) : "");
	printf("\"calledAt\":%ld,\"returnedAt\":%ld}\n", called_at, returned_at);
	fflush(stdout);
}

static long nanos_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void note_call(void)
{
	called_at = nanos_now() / 1000;
}

static void note_return(void)
{
	returned_at = (nanos_now() + 999) / 1000;
}

static int address_of(const char *text, int port, struct sockaddr_storage *address, socklen_t *length)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		*length = sizeof(*ipv4);
		return AF_INET;
	}
	if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) != 1) {
		fprintf(stderr, "no address: %s\n", text);
		exit(2);
	}
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(port);
	*length = sizeof(*ipv6);
	return AF_INET6;
}

static void set_option(int socket, int level, int name, int value)
{
	if (setsockopt(socket, level, name, &value, sizeof(value)))
		perror("setsockopt");
}

static int make_socket(int family, int type)
{
	int made = socket(family, type | SOCK_CLOEXEC, 0);

	if (made < 0 || type == SOCK_DGRAM)
		return made;
	if (syn_count)
		set_option(made, IPPROTO_TCP, TCP_SYNCNT, syn_count);
	if (user_timeout_millis)
		set_option(made, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_millis);
	if (fin_wait_seconds)
		set_option(made, IPPROTO_TCP, TCP_LINGER2, fin_wait_seconds);
	if (keepalive_seconds) {
		set_option(made, SOL_SOCKET, SO_KEEPALIVE, 1);
		set_option(made, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_seconds);
		set_option(made, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_seconds);
		set_option(made, IPPROTO_TCP, TCP_KEEPCNT, 1);
	}
	return made;
}

static int connect_to(const char *text, int port, int type, int *error)
{
	struct sockaddr_storage address;
	socklen_t length;
	int family = address_of(text, port, &address, &length);
	int made = make_socket(family, type & ~SOCK_NONBLOCK);

	*error = 0;
	if (made < 0) {
		*error = errno;
		return -1;
	}
	if (type & SOCK_NONBLOCK)
		fcntl(made, F_SETFL, O_NONBLOCK);
	if (local_port) {
		struct sockaddr_storage local = {.ss_family = family};
		in_port_t *port_of_local = family == AF_INET ? &((struct sockaddr_in *)&local)->sin_port
							     : &((struct sockaddr_in6 *)&local)->sin6_port;

		*port_of_local = htons(local_port);
		set_option(made, SOL_SOCKET, SO_REUSEADDR, 1);
		if (bind(made, (struct sockaddr *)&local, length))
			*error = errno;
	}
	note_call();
	if (connect(made, (struct sockaddr *)&address, length))
		*error = errno;
	note_return();
	if (type & SOCK_NONBLOCK)
		fcntl(made, F_SETFL, 0);
	return made;
}

static int listen_at(const char *text, int *error)
{
	struct sockaddr_storage address;
	socklen_t length;
	int made = make_socket(address_of(text, 0, &address, &length), SOCK_STREAM);

	*error = bind(made, (struct sockaddr *)&address, length) || listen(made, 4096) ? errno : 0;
	return made;
}

static int send_all(int socket, long bytes)
{
	static char buffer[65536];

	while (bytes > 0) {
		ssize_t sent =
		    send(socket, buffer, bytes < (long)sizeof(buffer) ? bytes : (long)sizeof(buffer),
			 MSG_NOSIGNAL);

		if (sent < 0)
			return errno;
		bytes -= sent;
	}
	return 0;
}

static long receive_all(int socket, long bytes, int *error)
{
	static char buffer[65536];
	long received = 0;

	*error = 0;
	while (received < bytes) {
		long left = bytes - received;
		ssize_t got =
		    recv(socket, buffer, left < (long)sizeof(buffer) ? left : (long)sizeof(buffer), 0);

		if (got < 0)
			*error = errno;
		if (got <= 0)
			break;
		received += got;
	}
	return received;
}

static void close_and_answer(int socket)
{
	note_call();
	int error = close(socket) ? errno : 0;

	note_return();
	answer(-1, 0, error);
}

/* Gives the error of the socket; 0 for data or an end. */
static int wait_for(int socket)
{
	struct pollfd waiting = {.fd = socket, .events = POLLIN};
	int error = 0;
	socklen_t length = sizeof(error);

	poll(&waiting, 1, -1);
	getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

static void scan(const char *text, int port, long count)
{
	long refused = 0;

	for (long index = 0; index < count; index++) {
		int error, made = connect_to(text, port + (int)index, SOCK_STREAM, &error);

		refused += error == ECONNREFUSED;
		close(made);
	}
	answer(-1, refused, 0);
}

static void hold(const char *text, int port, long count)
{
	int error = 0;

	for (long index = 0; index < count && !error && held_count < MANY; index++) {
		int made = connect_to(text, port, SOCK_STREAM, &error);

		if (made >= 0)
			held[held_count++] = made;
	}
	answer(-1, held_count, error);
}

static void accept_all(int listener, long count)
{
	int error = 0;

	while (accepted_count < count && accepted_count < MANY) {
		int made = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (made < 0) {
			error = errno;
			break;
		}
		accepted[accepted_count++] = made;
	}
	answer(-1, accepted_count, error);
}

static void each(long bytes)
{
	long received = 0;
	int error = 0;

	for (int index = 0; index < held_count && !error; index++)
		error = send_all(held[index], bytes);
	for (int index = 0; index < accepted_count && !error; index++)
		received += receive_all(accepted[index], bytes, &error);
	answer(-1, received, error);
}

static void peers(const char *text, int port, long count, long bytes)
{
	static char buffer[2048];
	struct sockaddr_storage address;
	socklen_t length;
	long sent = 0;
	int family = address_of(text, port, &address, &length);
	int made = make_socket(family, SOCK_DGRAM);

	for (long index = 0; index < count; index++) {
		address_of(text, port + (int)index, &address, &length);
		sent += sendto(made, buffer, bytes, 0, (struct sockaddr *)&address, length) == bytes;
	}
	answer(made, sent, 0);
}

static void obey(const char *command, char *first, char *second, char *third, char *fourth)
{
	int socket = atoi(first), error = 0, made;
	long value = 0;

	if (!strcmp(command, "option")) {
		if (!strcmp(first, "syncnt"))
			syn_count = atoi(second);
		if (!strcmp(first, "user-timeout"))
			user_timeout_millis = atoi(second);
		if (!strcmp(first, "local-port"))
			local_port = atoi(second);
		if (!strcmp(first, "keepalive"))
			keepalive_seconds = atoi(second);
		if (!strcmp(first, "fin-wait"))
			fin_wait_seconds = atoi(second);
		answer(-1, 0, 0);
	} else if (!strcmp(command, "connect")) {
		made = connect_to(first, atoi(second), SOCK_STREAM, &error);
		answer(made, 0, error);
	} else if (!strcmp(command, "start")) {
		made = connect_to(first, atoi(second), SOCK_STREAM | SOCK_NONBLOCK, &error);
		answer(made, 0, error);
	} else if (!strcmp(command, "listen")) {
		made = listen_at(first, &error);
		answer(made, 0, error);
	} else if (!strcmp(command, "accept")) {
		made = accept4(socket, NULL, NULL, SOCK_CLOEXEC);
		answer(made, 0, made < 0 ? errno : 0);
	} else if (!strcmp(command, "datagrams")) {
		made = connect_to(first, atoi(second), SOCK_DGRAM, &error);
		answer(made, 0, error);
	} else if (!strcmp(command, "send")) {
		error = send_all(socket, atol(second));
		answer(socket, 0, error);
	} else if (!strcmp(command, "receive")) {
		value = receive_all(socket, atol(second), &error);
		answer(socket, value, error);
	} else if (!strcmp(command, "wait")) {
		error = wait_for(socket);
		answer(socket, 0, error);
	} else if (!strcmp(command, "shutdown")) {
		answer(socket, 0, shutdown(socket, SHUT_WR) ? errno : 0);
	} else if (!strcmp(command, "abort")) {
		struct linger at_once = {.l_onoff = 1, .l_linger = 0};

		setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close_and_answer(socket);
	} else if (!strcmp(command, "close")) {
		close_and_answer(socket);
	} else if (!strcmp(command, "scan")) {
		scan(first, atoi(second), atol(third));
	} else if (!strcmp(command, "hold")) {
		hold(first, atoi(second), atol(third));
	} else if (!strcmp(command, "accept-all")) {
		accept_all(socket, atol(second));
	} else if (!strcmp(command, "each")) {
		each(atol(first));
	} else if (!strcmp(command, "peers")) {
		peers(first, atoi(second), atol(third), atol(fourth));
	} else {
		fprintf(stderr, "no command: %s\n", command);
		exit(2);
	}
}

int main(void)
{
	char line[256], command[32], words[4][64];

	while (fgets(line, sizeof(line), stdin)) {
		memset(words, 0, sizeof(words));
		if (sscanf(line, "%31s %63s %63s %63s %63s", command, words[0], words[1], words[2],
			   words[3]) > 0)
			obey(command, words[0], words[1], words[2], words[3]);
	}
	return 0;
}
