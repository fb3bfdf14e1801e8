/* An echo service over TCP and UDP, with clients. Press F5 and watch it in the Network Usage view:
 *
 *   TCP client --- blocks that grow and shrink ---> TCP server ---> one forked process a connection
 *   UDP client --- a steady trickle, then a burst -> UDP server
 *
 * Each of them is a process, forked from this one, which only waits. All listen on loopback, on ports that
 * the operating system chooses. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES    16384
#define DATAGRAM_BYTES 1200

static volatile sig_atomic_t stopping;

static void on_stop_signal(int number)
{
	(void)number;
	stopping = 1;
}

/* Without SA_RESTART, so that accept() and recv() return when the program is asked to stop. */
static void stop_on_signals(void)
{
	struct sigaction action = {.sa_handler = on_stop_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void fail(const char *operation)
{
	fprintf(stderr, "echo: %s: %s\n", operation, strerror(errno));
	exit(1);
}

static void rest(double seconds)
{
	struct timespec pause = {.tv_sec = (time_t)seconds};
	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	nanosleep(&pause, NULL);
}

/* Nothing waits longer than a second for the network: datagrams get lost, and a signal that comes just before
 * a wait does not end it. */
static void limit_waiting(int connection)
{
	struct timeval patience = {.tv_sec = 1};
	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* Opens a socket on a free port of 127.0.0.1 and puts the address it got into `address`. */
static int open_service(int type, struct sockaddr_in *address)
{
	int service = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (service < 0)
		fail("socket");
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (bind(service, (struct sockaddr *)address, sizeof(*address)) < 0)
		fail("bind");
	if (type == SOCK_STREAM && listen(service, 16) < 0)
		fail("listen");
	socklen_t length = sizeof(*address);
	if (getsockname(service, (struct sockaddr *)address, &length) < 0)
		fail("getsockname");
	limit_waiting(service);
	return service;
}

static int connect_to(int type, const struct sockaddr_in *address)
{
	int connection = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (connection < 0)
		fail("socket");
	limit_waiting(connection);
	if (connect(connection, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		if (!stopping)
			fprintf(stderr, "echo: connect: %s\n", strerror(errno));
		close(connection);
		return -1;
	}
	return connection;
}

static bool send_all(int connection, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t sent = send(connection, bytes, count, 0);
		if (sent < 0 && errno == EINTR && !stopping)
			continue;
		if (sent <= 0)
			return false;
		bytes += sent;
		count -= (size_t)sent;
	}
	return true;
}

static void serve_connection(int connection)
{
	uint8_t block[BLOCK_BYTES];
	limit_waiting(connection);
	while (!stopping) {
		ssize_t received = recv(connection, block, sizeof(block), 0);
		if (received < 0 && errno == EAGAIN)
			continue; /* a silent client */
		if (received <= 0 || !send_all(connection, block, (size_t)received))
			break;
	}
	close(connection);
}

/* Answers each connection in a process of its own. */
static void run_tcp_server(int service)
{
	signal(SIGCHLD, SIG_IGN); /* so that finished connections leave no zombies */
	while (!stopping) {
		int connection = accept4(service, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			continue;
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			close(service);
			serve_connection(connection);
			exit(0);
		}
		close(connection);
	}
}

static void run_udp_server(int service)
{
	uint8_t datagram[DATAGRAM_BYTES];
	while (!stopping) {
		struct sockaddr_in sender;
		socklen_t length = sizeof(sender);
		ssize_t received =
		    recvfrom(service, datagram, sizeof(datagram), 0, (struct sockaddr *)&sender, &length);
		if (received >= 0)
			sendto(service, datagram, (size_t)received, 0, (struct sockaddr *)&sender, length);
	}
}

/* Sends one block and reads its echo. */
static bool exchange_block(int connection, uint8_t *block)
{
	if (!send_all(connection, block, BLOCK_BYTES))
		return false;
	for (size_t echoed = 0; echoed < BLOCK_BYTES;) {
		ssize_t received = recv(connection, block + echoed, BLOCK_BYTES - echoed, 0);
		if (received <= 0)
			return false;
		echoed += (size_t)received;
	}
	return true;
}

/* A connection lasts 16 seconds, in which the rate climbs in steps from 80 kB/s to 1.3 MB/s and back. */
static void run_tcp_client(const struct sockaddr_in *address)
{
	uint8_t block[BLOCK_BYTES];
	memset(block, 'x', sizeof(block));
	while (!stopping) {
		int connection = connect_to(SOCK_STREAM, address);
		bool alive = connection >= 0;
		for (int second = 0; second < 16 && alive && !stopping; second++) {
			int step = second < 8 ? second + 1 : 16 - second;
			int blocks = 5 + 10 * (step - 1);
			/* A good place for a breakpoint: one step of the staircase. */
			for (int sent = 0; sent < blocks && alive && !stopping; sent++) {
				alive = exchange_block(connection, block);
				rest(0.9 / blocks);
			}
		}
		if (connection >= 0)
			close(connection);
		if (!stopping)
			rest(2);
	}
}

/* Twenty datagrams a second for eight seconds, then three hundred a second for two. */
static void run_udp_client(const struct sockaddr_in *address)
{
	uint8_t datagram[DATAGRAM_BYTES] = {0};
	int connection = connect_to(SOCK_DGRAM, address);
	for (unsigned int number = 0; connection >= 0 && !stopping; number++) {
		bool burst = number % 760 >= 160;
		size_t size = 100 + (number * 97) % (DATAGRAM_BYTES - 100);
		if (send(connection, datagram, size, 0) < 0 ||
		    recv(connection, datagram, sizeof(datagram), 0) < 0)
			rest(0.5); /* the server may be stopped at a breakpoint */
		rest(burst ? 1.0 / 300 : 1.0 / 20);
	}
}

static void reset_and_run(pid_t parent, void (*run)(void))
{
	/* The children end with this process, however it ends: a debugger kills without asking. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		run();
	exit(0);
}

static struct sockaddr_in tcp_address, udp_address;
static int tcp_service, udp_service;

static void tcp_server(void)
{
	close(udp_service);
	run_tcp_server(tcp_service);
}

static void udp_server(void)
{
	close(tcp_service);
	run_udp_server(udp_service);
}

static void tcp_client(void)
{
	close(tcp_service);
	close(udp_service);
	run_tcp_client(&tcp_address);
}

static void udp_client(void)
{
	close(tcp_service);
	close(udp_service);
	run_udp_client(&udp_address);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} parts[] = {
	    {"tcp-server", tcp_server},
	    {"udp-server", udp_server},
	    {"tcp-client", tcp_client},
	    {"udp-client", udp_client},
	};
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	pid_t children[PARTS];
	pid_t self = getpid();

	stop_on_signals();
	setvbuf(stdout, NULL, _IOLBF, 0);
	tcp_service = open_service(SOCK_STREAM, &tcp_address);
	udp_service = open_service(SOCK_DGRAM, &udp_address);
	printf("echo: TCP on port %u, UDP on port %u\n", ntohs(tcp_address.sin_port),
	       ntohs(udp_address.sin_port));

	for (int part = 0; part < PARTS; part++) {
		children[part] = fork();
		if (children[part] < 0)
			fail("fork");
		if (children[part] == 0) {
			prctl(PR_SET_NAME, parts[part].name);
			reset_and_run(self, parts[part].run);
		}
	}
	/* The children that serve keep them open. */
	close(tcp_service);
	close(udp_service);

	/* Until asked to stop, or until one of the parts gives up. */
	while (!stopping && waitpid(-1, NULL, WNOHANG) == 0)
		rest(0.5);
	printf("echo: stopping\n");
	for (int part = 0; part < PARTS; part++)
		kill(children[part], SIGTERM);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
