/* What the C programs of the tests share: the conversation that traffic.mjs serves, and the counts of a
 * process, which it prints as a line of JSON at its end. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A request over TCP is a line of so many bytes: "UPLOAD DOWNLOAD WHO-CLOSES-FIRST", as traffic.mjs has them.
 */
#define REQUEST_BYTES 32
#define BUFFER_BYTES  65536

/* Payload that this process has moved. */
static struct {
	uint64_t sent;
	uint64_t received;
} totals;

static char buffer[BUFFER_BYTES];

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

static inline int checked(int result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

static inline socklen_t socket_address(struct sockaddr_storage *storage, const char *address, int port)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, address, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons((uint16_t)port);
		return sizeof(*ipv4);
	}
	if (inet_pton(AF_INET6, address, &ipv6->sin6_addr) != 1) {
		fprintf(stderr, "%s is no address\n", address);
		exit(1);
	}
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons((uint16_t)port);
	return sizeof(*ipv6);
}

static inline int socket_for(const char *address, int type)
{
	return checked(socket(strchr(address, ':') ? AF_INET6 : AF_INET, type, 0), "socket");
}

static inline void connect_to(int fd, const char *address, int port)
{
	struct sockaddr_storage storage;
	const socklen_t length = socket_address(&storage, address, port);

	checked(connect(fd, (struct sockaddr *)&storage, length), "connect");
}

static inline void write_request(char *request, uint64_t upload, uint64_t download, const char *closes_first)
{
	memset(request, ' ', REQUEST_BYTES);
	const int length = snprintf(request, REQUEST_BYTES, "%llu %llu %s\n", (unsigned long long)upload,
				    (unsigned long long)download, closes_first);

	request[length] = ' ';
}

static inline void send_request(int fd, uint64_t upload, uint64_t download, const char *closes_first)
{
	write_request(buffer, upload, download, closes_first);
	checked((int)send(fd, buffer, REQUEST_BYTES, 0), "send");
	totals.sent += REQUEST_BYTES;
}

static inline void send_bytes(int fd, uint64_t left)
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

static inline void receive_bytes(int fd, uint64_t left)
{
	while (left > 0) {
		const ssize_t received = recv(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer), 0);

		if (received <= 0)
			fail("recv");
		totals.received += (uint64_t)received;
		left -= (uint64_t)received;
	}
}

static inline void receive_to_end(int fd)
{
	ssize_t received;

	while ((received = checked((int)recv(fd, buffer, sizeof(buffer), 0), "recv")) > 0)
		totals.received += (uint64_t)received;
}

static inline void print_totals(void)
{
	char line[128];
	const int length =
	    snprintf(line, sizeof(line), "{\"pid\":%d,\"sent\":%llu,\"received\":%llu}\n", (int)getpid(),
		     (unsigned long long)totals.sent, (unsigned long long)totals.received);

	/* In one piece: several processes write to the same pipe. */
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		exit(1);
}

#endif
