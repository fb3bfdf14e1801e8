/* Servers of several processes, which share or hand on what they listen at and what they accept.
 *
 *   owner-servers NAME ADDRESS SOCKET COUNT ACCEPT
 *
 * serves COUNT connections of `traffic.mjs client`; tells the Unix socket {"port"} once it listens. ACCEPT
 * says whether accept() asks for the peer's address: `asking` or `not-asking`. */
#define _GNU_SOURCE
#include "handover.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/un.h>

#define WORKERS 4

static const char *address;
static int port;
static char *self;

static atomic_int *served;
static int wanted;
static int listener = -1;
static bool wants_address;

static int listening_socket(bool is_group)
{
	struct sockaddr_storage own;
	socklen_t length = socket_address(&own, address, port);
	const int fd = socket_for(address, SOCK_STREAM);
	const int on = 1;

	if (is_group)
		checked(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
	checked(bind(fd, (struct sockaddr *)&own, length), "bind");
	checked(listen(fd, 256), "listen");
	checked(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
	checked(getsockname(fd, (struct sockaddr *)&own, &length), "getsockname");
	port = ntohs(((struct sockaddr_in *)&own)->sin_port); /* at the same place in both families */
	return fd;
}

static void say_where(const char *path)
{
	struct sockaddr_un wherever = {.sun_family = AF_UNIX};
	const int fd = checked(socket(AF_UNIX, SOCK_STREAM, 0), "socket(AF_UNIX)");

	strncpy(wherever.sun_path, path, sizeof(wherever.sun_path) - 1);
	checked(connect(fd, (struct sockaddr *)&wherever, sizeof(wherever)), "connect(AF_UNIX)");
	if (dprintf(fd, "{\"port\":%d}\n", port) < 0)
		fail("dprintf");
	close(fd);
}

static void serve_connection(int fd)
{
	char request[REQUEST_BYTES + 1] = {0};
	unsigned long long upload, download;

	if (recv(fd, request, REQUEST_BYTES, MSG_WAITALL) != REQUEST_BYTES)
		fail("recv");
	totals.received += REQUEST_BYTES;
	if (sscanf(request, "%llu %llu", &upload, &download) != 2)
		exit(1);
	receive_bytes(fd, upload);
	send_bytes(fd, download);
	/* Not by close(): what the peer says afterwards would have no socket that another namespace could
	 * see. */
	checked(shutdown(fd, SHUT_WR), "shutdown");
	receive_to_end(fd);
	close(fd);
	atomic_fetch_add(served, 1);
}

/* -1 when all have been served. */
static int accept_next(int from)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	while (atomic_load(served) < wanted) {
		struct pollfd ready = {.fd = from, .events = POLLIN};

		poll(&ready, 1, 10);
		const int fd = wants_address ? accept(from, (struct sockaddr *)&peer, &length)
					     : accept(from, NULL, NULL);

		if (fd >= 0)
			return fd;
	}
	return -1;
}

static void serve_all(int from)
{
	for (int fd; (fd = accept_next(from)) >= 0;)
		serve_connection(fd);
}

static void prefork(const char *told)
{
	listener = listening_socket(false);
	for (int worker = 0; worker < WORKERS; worker++)
		in_child(serve_all, listener);
	say_where(told);
	wait_for_children();
}

static void serve_in_group(int first)
{
	if (first < 0)
		first = listening_socket(true);
	serve_all(first);
}

static void reuseport(const char *told)
{
	/* The first of the group says which port; each has a socket of its own. */
	listener = listening_socket(true);
	for (int worker = 1; worker < WORKERS; worker++)
		in_child(serve_in_group, -1);
	say_where(told);
	serve_all(listener);
	wait_for_children();
}

static void fork_for_each(const char *told)
{
	listener = listening_socket(false);
	say_where(told);
	for (int count = 0; count < wanted; count++) {
		const int fd = accept_next(listener);

		hand_to_child(serve_connection, fd);
	}
	wait_for_children();
}

static void serve_passed(int channel)
{
	for (int fd; (fd = take_descriptor(channel)) >= 0;)
		serve_connection(fd);
}

/* The master accepts, and hands connections to the workers in turn. */
static void hand_over(const char *told)
{
	int channels[WORKERS][2];

	listener = listening_socket(false);
	for (int worker = 0; worker < WORKERS; worker++) {
		checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels[worker]), "socketpair");
		const int fd = channels[worker][0];

		/* Workers must not hold the other workers' channels open. */
		if (checked(fork(), "fork") == 0) {
			for (int other = 0; other <= worker; other++)
				close(channels[other][1]);
			totals.sent = totals.received = 0;
			serve_passed(fd);
			print_totals();
			exit(0);
		}
		close(fd);
	}
	say_where(told);
	for (int count = 0; count < wanted; count++) {
		const int fd = accept_next(listener);

		pass_descriptor(channels[count % WORKERS][1], fd);
	}
	for (int worker = 0; worker < WORKERS; worker++)
		close(channels[worker][1]);
	wait_for_children();
}

/* As a service manager starts a service on demand: the socket is at descriptor 3. */
static void activate(const char *told)
{
	listener = listening_socket(false);
	say_where(told);
	if (checked(fork(), "fork") == 0) {
		char number[32];

		checked(dup2(listener, 3), "dup2");
		snprintf(number, sizeof(number), "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
		setenv("LISTEN_FDS", "1", 1);
		snprintf(number, sizeof(number), "%d", wanted);
		execl(self, self, "activated", number, NULL);
		fail("execl");
	}
	close(listener);
	wait_for_children();
}

static void serve_activated(const char *count)
{
	const char *for_whom = getenv("LISTEN_PID");

	wanted = atoi(count);
	if (!for_whom || atoi(for_whom) != getpid())
		exit(1);
	serve_all(3);
}

static const struct {
	const char *name;
	void (*run)(const char *told);
} servers[] = {
    {"prefork", prefork},     {"reuseport", reuseport}, {"fork-for-each", fork_for_each},
    {"hand-over", hand_over}, {"activate", activate},
};

int main(int count, char **arguments)
{
	self = arguments[0];
	served = mmap(NULL, sizeof(*served), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (served == MAP_FAILED)
		fail("mmap");
	if (count == 3 && !strcmp(arguments[1], "activated")) {
		serve_activated(arguments[2]);
		print_totals();
		return 0;
	}
	if (count != 6)
		return 2;
	address = arguments[2];
	wanted = atoi(arguments[4]);
	wants_address = !strcmp(arguments[5], "asking");
	for (size_t index = 0; index < sizeof(servers) / sizeof(*servers); index++)
		if (!strcmp(servers[index].name, arguments[1])) {
			servers[index].run(arguments[3]);
			print_totals();
			return 0;
		}
	return 2;
}
