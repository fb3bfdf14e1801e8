// The user-space half of a tunnel: carries packets between a tun device and a UDP socket, as a VPN does.
//
//   tunnel DEVICE LOCAL-ADDRESS REMOTE-ADDRESS PORT
//
// The device exists already. Prints {"port"} when it carries, and when its input has ended what it sent and
// received over UDP: {"sent","received"}.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char packet[65536];

static int open_device(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	if (device < 0)
		err(1, "/dev/net/tun");
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (ioctl(device, TUNSETIFF, &request))
		err(1, "%s", name);
	return device;
}

static struct sockaddr_in address_of(const char *text, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		errx(1, "%s is no address", text);
	return address;
}

static int open_socket(const char *local, const char *remote, int port)
{
	struct sockaddr_in here = address_of(local, port);
	struct sockaddr_in there = address_of(remote, port);
	const int buffer_bytes = 8 << 20;
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (udp < 0)
		err(1, "socket");
	/* What it drops is not of the test's making. Over veth what is sent is in the sender's buffer until
	 * the other end has read it.
	 */
	if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) ||
	    setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)))
		err(1, "SO_RCVBUFFORCE, SO_SNDBUFFORCE");
	if (bind(udp, (struct sockaddr *)&here, sizeof(here)) ||
	    connect(udp, (struct sockaddr *)&there, sizeof(there)))
		err(1, "bind, connect");
	return udp;
}

/* Carries everything that is there; returns how many bytes. The other end may not be there yet. */
static unsigned long long carry(int from, int to)
{
	unsigned long long bytes = 0;
	ssize_t length;

	while ((length = read(from, packet, sizeof(packet))) > 0)
		if (write(to, packet, length) == length)
			bytes += length;
	return bytes;
}

int main(int count, char **arguments)
{
	if (count != 5)
		errx(1, "usage: tunnel DEVICE LOCAL-ADDRESS REMOTE-ADDRESS PORT");
	int port = atoi(arguments[4]);
	int device = open_device(arguments[1]);
	int udp = open_socket(arguments[2], arguments[3], port);
	unsigned long long sent = 0, received = 0;
	struct pollfd files[] = {
	    {.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = device, .events = POLLIN},
	    {.fd = udp, .events = POLLIN},
	};

	printf("{\"port\":%d}\n", port);
	fflush(stdout);
	for (;;) {
		if (poll(files, 3, -1) < 0)
			err(1, "poll");
		if (files[1].revents)
			sent += carry(device, udp);
		if (files[2].revents)
			received += carry(udp, device);
		if (files[0].revents)
			break;
	}
	printf("{\"sent\":%llu,\"received\":%llu}\n", sent, received);
	return 0;
}
