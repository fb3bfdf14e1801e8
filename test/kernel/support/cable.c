// Joins tap devices of two network namespaces, as a hypervisor joins the interfaces of two virtual machines:
// bundles of segments go over whole, with no more said of them than how much of the content each segment has.
//
//   cable NAMESPACE-FILE DEVICE NAMESPACE-FILE DEVICE
//
// The devices exist already. Prints {"bundles":0} when it carries, and when its input has ended how many
// bundles there were, and what TCP took each way: {"bundles","up":{"packets","bytes"},"down":{...}}, packets
// as they would be on a wire, bytes without the headers of the link.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct frame {
	struct virtio_net_hdr bundle;
	unsigned char bytes[65536 + ETH_HLEN];
} __attribute__((packed));

struct amount {
	unsigned long long packets, bytes;
};

static unsigned long long bundles;

static int open_device(const char *namespace, const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int file = open(namespace, O_RDONLY | O_CLOEXEC);

	if (file < 0 || setns(file, CLONE_NEWNET))
		err(1, "%s", namespace);
	close(file);
	int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (device < 0)
		err(1, "/dev/net/tun");
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (ioctl(device, TUNSETIFF, &request) ||
	    ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
		err(1, "%s", name);
	return device;
}

/* Adds what a frame would take on a wire, when it is one of TCP. */
static void count(const struct frame *frame, long frame_bytes, struct amount *amount)
{
	const unsigned char *network = frame->bytes + ETH_HLEN;
	long network_bytes = frame_bytes - ETH_HLEN, header_bytes;
	unsigned short protocol;

	memcpy(&protocol, frame->bytes + 12, sizeof(protocol));
	if (protocol == htons(ETH_P_IP) && network[9] == IPPROTO_TCP)
		header_bytes = (network[0] & 15) * 4;
	else if (protocol == htons(ETH_P_IPV6) && network[6] == IPPROTO_TCP)
		header_bytes = sizeof(struct ip6_hdr);
	else
		return;
	header_bytes += (network[header_bytes + 12] >> 4) * 4;
	long content = network_bytes - header_bytes, segments = 1;

	if (frame->bundle.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		segments = (content + frame->bundle.gso_size - 1) / frame->bundle.gso_size;
		bundles++;
	}
	amount->packets += segments;
	amount->bytes += content + segments * header_bytes;
}

static void carry(int from, int to, struct amount *amount)
{
	static struct frame frame;
	long length;

	while ((length = read(from, &frame, sizeof(frame))) > (long)sizeof(frame.bundle)) {
		/* What the device checks is checked. */
		frame.bundle.flags &= ~VIRTIO_NET_HDR_F_DATA_VALID;
		if (write(to, &frame, length) == length)
			count(&frame, length - (long)sizeof(frame.bundle), amount);
	}
}

int main(int arguments_count, char **arguments)
{
	struct amount up = {0}, down = {0};

	if (arguments_count != 5)
		errx(1, "usage: cable NAMESPACE-FILE DEVICE NAMESPACE-FILE DEVICE");
	int near = open_device(arguments[1], arguments[2]), far = open_device(arguments[3], arguments[4]);
	struct pollfd files[] = {
	    {.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = near, .events = POLLIN},
	    {.fd = far, .events = POLLIN},
	};

	printf("{\"bundles\":0}\n");
	fflush(stdout);
	for (;;) {
		if (poll(files, 3, -1) < 0)
			err(1, "poll");
		if (files[1].revents)
			carry(near, far, &up);
		if (files[2].revents)
			carry(far, near, &down);
		if (files[0].revents)
			break;
	}
	printf("{\"bundles\":%llu,\"up\":{\"packets\":%llu,\"bytes\":%llu},\"down\":{\"packets\":%llu,"
	       "\"bytes\":%llu}}\n",
	       bundles, up.packets, up.bytes, down.packets, down.bytes);
	return 0;
}
