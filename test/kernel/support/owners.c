/* Sockets that change hands between processes. Every process that takes part counts its own payload and
 * prints it.
 *
 *   owners connect NAME ADDRESS PORT         a client of `traffic.mjs server`
 *   owners serve NAME ADDRESS SOCKET COUNT  serves COUNT connections of `traffic.mjs client`; tells the Unix
 * socket
 *                                            {"port"} once it listens
 *   owners serve-asking ...                  the same, with accept() asking for the peer's address */
#define _GNU_SOURCE
#include "exchange.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>

#define WORKERS     4
#define UPLOAD      400000
#define DOWNLOAD    300000
#define SHORT_LIVES 20

/* A connection's state as /proc/net/tcp has it. */
#define PROC_NET_TIME_WAIT 6

static const char *address;
static int port;
static char *self;

/* --- moving payload --- */

static void send_bytes(int fd, uint64_t left)
{
	memset(buffer, 'o', sizeof(buffer));
	while (left > 0) {
		const ssize_t sent =
		    send(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer), MSG_NOSIGNAL);

		checked((int)sent, "send");
		totals.sent += (uint64_t)sent;
		left -= (uint64_t)sent;
	}
}

static void receive_bytes(int fd, uint64_t left)
{
	while (left > 0) {
		const ssize_t received = recv(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer), 0);

		if (received <= 0)
			fail("recv");
		totals.received += (uint64_t)received;
		left -= (uint64_t)received;
	}
}

static void receive_to_end(int fd)
{
	ssize_t received;

	while ((received = checked((int)recv(fd, buffer, sizeof(buffer), 0), "recv")) > 0)
		totals.received += (uint64_t)received;
}

static void send_request(int fd, uint64_t upload, uint64_t download)
{
	write_request(buffer, upload, download);
	checked((int)send(fd, buffer, REQUEST_BYTES, 0), "send");
	totals.sent += REQUEST_BYTES;
}

static int connected_socket(void)
{
	const int fd = socket_for(address, SOCK_STREAM);

	connect_to(fd, address, port);
	return fd;
}

static void exchange(int fd, uint64_t upload, uint64_t download)
{
	send_request(fd, upload, download);
	send_bytes(fd, upload);
	receive_to_end(fd);
	close(fd);
}

/* Until the peer has everything: what follows is another process's. */
static void wait_until_acknowledged(int fd)
{
	int left = 1;

	while (left > 0) {
		checked(ioctl(fd, SIOCOUTQ, &left), "SIOCOUTQ");
		if (left > 0)
			poll(NULL, 0, 1);
	}
}

/* --- processes --- */

/* Runs a part in a child, which prints its own counts. */
static pid_t in_child(void (*part)(int fd), int fd)
{
	const pid_t child = checked(fork(), "fork");

	if (child > 0)
		return child;
	totals.sent = totals.received = 0;
	part(fd);
	print_totals();
	exit(0);
}

static void (*handed_part)(int fd);
static int handed_over[2];

static void begin_when_handed_over(int fd)
{
	char byte;

	close(handed_over[1]);
	checked((int)read(handed_over[0], &byte, 1), "read");
	close(handed_over[0]);
	handed_part(fd);
}

/* Hands a socket over to a child, which begins when nobody else has a descriptor of it. Otherwise it could be
 * through before this process closes its own, and nobody could tell which of them used the socket. */
static void hand_to_child(void (*part)(int fd), int fd)
{
	checked(pipe(handed_over), "pipe");
	handed_part = part;
	in_child(begin_when_handed_over, fd);
	close(fd);
	close(handed_over[0]);
	close(handed_over[1]);
}

static void wait_for_children(void)
{
	int status;

	while (wait(&status) > 0)
		if (status != 0)
			exit(1);
}

/* A descriptor in a message over a Unix socket, and out of it. As with a child, the other process begins when
 * it alone has one. */
static void pass_descriptor(int channel, int fd)
{
	char byte = 'd';
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	checked((int)sendmsg(channel, &message, 0), "sendmsg(SCM_RIGHTS)");
	close(fd);
	checked((int)send(channel, &byte, 1, 0), "send");
}

/* -1 at the end of the channel. */
static int take_descriptor(int channel)
{
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd;

	if (checked((int)recvmsg(channel, &message, 0), "recvmsg(SCM_RIGHTS)") == 0)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	checked((int)recv(channel, &byte, 1, 0), "recv");
	return fd;
}

/* --- clients --- */

static void connect_and_exchange(int unused)
{
	(void)unused;
	exchange(connected_socket(), 3000, 5000);
}

static void short_lives(void)
{
	for (int life = 0; life < SHORT_LIVES; life++)
		in_child(connect_and_exchange, -1);
	wait_for_children();
}

static void connect_given(int fd)
{
	connect_to(fd, address, port);
	exchange(fd, UPLOAD, DOWNLOAD);
}

static void fork_before_connect(void)
{
	const int fd = socket_for(address, SOCK_STREAM);

	hand_to_child(connect_given, fd);
	wait_for_children();
}

static void exchange_given(int fd)
{
	exchange(fd, UPLOAD, DOWNLOAD);
}

static void fork_after_connect(void)
{
	const int fd = connected_socket();

	hand_to_child(exchange_given, fd);
	wait_for_children();
}

static void finish_upload(int fd)
{
	send_bytes(fd, UPLOAD);
	receive_to_end(fd);
	close(fd);
}

/* Both use the connection, one after the other. */
static void fork_in_between(void)
{
	const int fd = connected_socket();

	send_request(fd, UPLOAD + 100000, DOWNLOAD);
	send_bytes(fd, 100000);
	wait_until_acknowledged(fd);
	hand_to_child(finish_upload, fd);
	wait_for_children();
}

static void exec_while_connected(void)
{
	char descriptor[16];
	char count[2][24];
	const int fd = connected_socket();

	send_request(fd, UPLOAD, DOWNLOAD);
	send_bytes(fd, UPLOAD / 2);
	snprintf(descriptor, sizeof(descriptor), "%d", fd);
	snprintf(count[0], sizeof(count[0]), "%llu", (unsigned long long)totals.sent);
	snprintf(count[1], sizeof(count[1]), "%llu", (unsigned long long)totals.received);
	execl(self, self, "go-on", descriptor, count[0], count[1], NULL);
	fail("execl");
}

static void go_on_after_exec(char **arguments)
{
	const int fd = atoi(arguments[0]);

	totals.sent = strtoull(arguments[1], NULL, 10);
	totals.received = strtoull(arguments[2], NULL, 10);
	send_bytes(fd, UPLOAD - UPLOAD / 2);
	receive_to_end(fd);
	close(fd);
}

/* The first bytes go with the SYN, or, to a server that was not met before, with the answer to it. */
static void fast_open(void)
{
	struct sockaddr_storage peer;
	const socklen_t length = socket_address(&peer, address, port);
	const int fd = socket_for(address, SOCK_STREAM);

	write_request(buffer, UPLOAD, DOWNLOAD);
	checked((int)sendto(fd, buffer, REQUEST_BYTES, MSG_FASTOPEN, (struct sockaddr *)&peer, length),
		"sendto(MSG_FASTOPEN)");
	totals.sent += REQUEST_BYTES;
	send_bytes(fd, UPLOAD);
	receive_to_end(fd);
	close(fd);
}

static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

static void *exchange_in_thread(void *unused)
{
	/* One at a time: what differs is the thread, and the counts are common. */
	pthread_mutex_lock(&counting);
	exchange(connected_socket(), 50000, 50000);
	pthread_mutex_unlock(&counting);
	return unused;
}

static void threads(void)
{
	pthread_t running[8];

	for (size_t index = 0; index < 8; index++)
		if (pthread_create(running + index, NULL, exchange_in_thread, NULL))
			exit(1);
	for (size_t index = 0; index < 8; index++)
		pthread_join(running[index], NULL);
}

/* The daemon is nobody's child any more, and the one who started it has gone. */
static void daemon_twice_forked(void)
{
	if (checked(fork(), "fork") > 0)
		_exit(0);
	setsid();
	if (checked(fork(), "fork") > 0)
		_exit(0);
	exchange(connected_socket(), UPLOAD, DOWNLOAD);
	print_totals();
	exit(0);
}

static void use_passed(int channel)
{
	const int fd = take_descriptor(channel);

	exchange(fd, UPLOAD, DOWNLOAD);
}

static void pass_connected(void)
{
	int channel[2];

	checked(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), "socketpair");
	in_child(use_passed, channel[0]);
	close(channel[0]);
	const int fd = connected_socket();

	pass_descriptor(channel[1], fd);
	close(channel[1]);
	wait_for_children();
}

/* Everything is in the send buffer when it ends; the kernel delivers it afterwards. */
static void leave_while_draining(int unused)
{
	const int bytes = 4 << 20;
	const int fd = connected_socket();

	(void)unused;
	checked(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)), "SO_SNDBUFFORCE");
	send_request(fd, 2000000, 0);
	send_bytes(fd, 2000000);
}

static int count_open_connections(void)
{
	char line[256];
	unsigned remote_port, state;
	int open_connections = 0;
	FILE *table = fopen("/proc/net/tcp", "r");

	if (!table)
		fail("/proc/net/tcp");
	while (fgets(line, sizeof(line), table))
		if (sscanf(line, "%*d: %*8[0-9A-F]:%*4x %*8[0-9A-F]:%4x %2x", &remote_port, &state) == 2 &&
		    (int)remote_port == port && state != PROC_NET_TIME_WAIT)
			open_connections++;
	fclose(table);
	return open_connections;
}

static void draining(void)
{
	in_child(leave_while_draining, -1);
	wait_for_children();
	/* The helper counts for as long as somebody is there. */
	while (count_open_connections() > 0)
		poll(NULL, 0, 1);
}

static void connect_and_move_more(int unused)
{
	(void)unused;
	exchange(connected_socket(), UPLOAD, DOWNLOAD);
}

static void reuse_process_id(void)
{
	const pid_t first = in_child(connect_and_exchange, -1);

	wait_for_children();
	/* Start times tell processes apart, in steps of a hundredth of a second. */
	poll(NULL, 0, 50);
	FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");

	if (!last || fprintf(last, "%d", first - 1) < 0 || fclose(last))
		fail("ns_last_pid");
	/* Somebody else may have been quicker; the test sees which ids there were. */
	in_child(connect_and_move_more, -1);
	wait_for_children();
}

/* Half of a request, and the rest of the exchange once it is told so: that is counted. */
static void exchange_in_halves(void)
{
	const int fd = connected_socket();
	char request[REQUEST_BYTES];
	char go;

	/* The server answers a request that is complete. */
	write_request(request, UPLOAD, DOWNLOAD);
	checked((int)send(fd, request, REQUEST_BYTES / 2, 0), "send");
	wait_until_acknowledged(fd);
	printf("{\"ready\":%d}\n", (int)getpid());
	fflush(stdout);
	if (read(STDIN_FILENO, &go, 1) < 0)
		fail("read");
	checked((int)send(fd, request + REQUEST_BYTES / 2, REQUEST_BYTES / 2, 0), "send");
	totals.sent = REQUEST_BYTES / 2;
	send_bytes(fd, UPLOAD);
	receive_to_end(fd);
	close(fd);
}

static void send_datagrams(int fd)
{
	struct sockaddr_storage peer;
	const socklen_t length = socket_address(&peer, address, port);
	const uint32_t answer = htonl(700);

	memset(buffer, 0, 1000);
	memcpy(buffer, &answer, sizeof(answer));
	for (int count = 0; count < 100; count++) {
		checked((int)sendto(fd, buffer, 1000, 0, (struct sockaddr *)&peer, length), "sendto");
		totals.sent += 1000;
		receive_bytes(fd, 700);
		memcpy(buffer, &answer, sizeof(answer));
	}
}

static void datagrams_of_a_child(void)
{
	const int fd = socket_for(address, SOCK_DGRAM);

	hand_to_child(send_datagrams, fd);
	wait_for_children();
}

/* --- servers --- */

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

/* --- which --- */

static const struct {
	const char *name;
	void (*run)(void);
} clients[] = {
    {"short-lives", short_lives},
    {"fork-before-connect", fork_before_connect},
    {"fork-after-connect", fork_after_connect},
    {"fork-in-between", fork_in_between},
    {"exec", exec_while_connected},
    {"fast-open", fast_open},
    {"threads", threads},
    {"daemon", daemon_twice_forked},
    {"pass-connected", pass_connected},
    {"draining", draining},
    {"in-halves", exchange_in_halves},
    {"reused-pid", reuse_process_id},
    {"datagrams-of-a-child", datagrams_of_a_child},
};

static const struct {
	const char *name;
	void (*run)(const char *told);
} servers[] = {
    {"prefork", prefork},     {"reuseport", reuseport}, {"fork-for-each", fork_for_each},
    {"hand-over", hand_over}, {"activate", activate},
};

static int run(int count, char **arguments)
{
	const bool is_client = count == 5 && !strcmp(arguments[1], "connect");
	const bool is_server = count == 6 && !strncmp(arguments[1], "serve", 5);

	if (count == 3 && !strcmp(arguments[1], "activated"))
		return serve_activated(arguments[2]), 0;
	if (count == 5 && !strcmp(arguments[1], "go-on"))
		return go_on_after_exec(arguments + 2), 0;
	if (!is_client && !is_server)
		return 2;
	address = arguments[3];
	if (is_client)
		port = atoi(arguments[4]);
	else
		wanted = atoi(arguments[5]);
	wants_address = !strcmp(arguments[1], "serve-asking");
	for (size_t index = 0; is_client && index < sizeof(clients) / sizeof(*clients); index++)
		if (!strcmp(clients[index].name, arguments[2]))
			return clients[index].run(), 0;
	for (size_t index = 0; is_server && index < sizeof(servers) / sizeof(*servers); index++)
		if (!strcmp(servers[index].name, arguments[2]))
			return servers[index].run(arguments[4]), 0;
	return 2;
}

int main(int count, char **arguments)
{
	self = arguments[0];
	served = mmap(NULL, sizeof(*served), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (served == MAP_FAILED)
		fail("mmap");
	const int status = run(count, arguments);

	if (status == 0)
		print_totals();
	return status;
}
