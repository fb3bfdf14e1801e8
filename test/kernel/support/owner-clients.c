/* Clients whose connections change hands between processes, or outlive them.
 *
 *   owner-clients NAME ADDRESS PORT      a client of `traffic.mjs server` */
#define _GNU_SOURCE
#include "acknowledged.h"
#include "handover.h"

#include <poll.h>
#include <pthread.h>

#define UPLOAD      400000
#define DOWNLOAD    300000
#define SHORT_LIVES 20

/* A connection's state as /proc/net/tcp has it. */
#define PROC_NET_TIME_WAIT 6

static const char *address;
static int port;
static char *self;

static int connected_socket(void)
{
	const int fd = socket_for(address, SOCK_STREAM);

	connect_to(fd, address, port);
	return fd;
}

static void exchange(int fd, uint64_t upload, uint64_t download)
{
	send_request(fd, upload, download, "server");
	send_bytes(fd, upload);
	receive_to_end(fd);
	close(fd);
}

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

	send_request(fd, UPLOAD + 100000, DOWNLOAD, "server");
	send_bytes(fd, 100000);
	/* What follows is another process's. */
	checked(wait_until_acknowledged(fd), "SIOCOUTQ");
	hand_to_child(finish_upload, fd);
	wait_for_children();
}

static void exec_while_connected(void)
{
	char descriptor[16];
	char count[2][24];
	const int fd = connected_socket();

	send_request(fd, UPLOAD, DOWNLOAD, "server");
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

	write_request(buffer, UPLOAD, DOWNLOAD, "server");
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
	send_request(fd, 2000000, 0, "server");
	send_bytes(fd, 2000000);
}

/* The kernel keeps no socket for it while the peer has not closed. */
static void close_long_before(void)
{
	const int fd = connected_socket();

	send_request(fd, 3000, 0, "long-before");
	send_bytes(fd, 3000);
	close(fd);
}

static int count_open_connections(void)
{
	char line[256];
	unsigned remote_port, state;
	int open_connections = 0;
	FILE *table = fopen(strchr(address, ':') ? "/proc/net/tcp6" : "/proc/net/tcp", "r");

	if (!table)
		fail("/proc/net/tcp");
	while (fgets(line, sizeof(line), table))
		if (sscanf(line, "%*d: %*32[0-9A-F]:%*4x %*32[0-9A-F]:%4x %2x", &remote_port, &state) == 2 &&
		    (int)remote_port == port && state != PROC_NET_TIME_WAIT)
			open_connections++;
	fclose(table);
	return open_connections;
}

/* The helper counts for as long as somebody is there. */
static void wait_until_closed(void)
{
	while (count_open_connections() > 0)
		poll(NULL, 0, 1);
}

static void draining(void)
{
	in_child(leave_while_draining, -1);
	wait_for_children();
	wait_until_closed();
}

static void closing_first(void)
{
	for (int life = 0; life < SHORT_LIVES; life++)
		close_long_before();
	wait_until_closed();
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
	write_request(request, UPLOAD, DOWNLOAD, "server");
	checked((int)send(fd, request, REQUEST_BYTES / 2, 0), "send");
	/* What follows is another process's. */
	checked(wait_until_acknowledged(fd), "SIOCOUTQ");
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
    {"closing-first", closing_first},
    {"in-halves", exchange_in_halves},
    {"reused-pid", reuse_process_id},
    {"datagrams-of-a-child", datagrams_of_a_child},
};

int main(int count, char **arguments)
{
	self = arguments[0];
	if (count == 5 && !strcmp(arguments[1], "go-on")) {
		go_on_after_exec(arguments + 2);
		print_totals();
		return 0;
	}
	if (count != 4)
		return 2;
	address = arguments[2];
	port = atoi(arguments[3]);
	for (size_t index = 0; index < sizeof(clients) / sizeof(*clients); index++)
		if (!strcmp(clients[index].name, arguments[1])) {
			clients[index].run();
			print_totals();
			return 0;
		}
	return 2;
}
