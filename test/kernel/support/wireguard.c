// Tells an interface of WireGuard its key, its port and its peer, as `wg set` does.
//
//   wireguard DEVICE PORT PRIVATE-KEY PEER-KEY PEER-ADDRESS PEER-PORT
//
// Keys are 64 hexadecimal digits; addresses are of IPv4. The peer may have every address inside of the
// tunnel.
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned char message[1024];
static struct nlmsghdr *const header = (struct nlmsghdr *)message;

static void begin(unsigned short type, unsigned char command)
{
	struct genlmsghdr *generic = NLMSG_DATA(header);

	memset(message, 0, sizeof(message));
	header->nlmsg_len = NLMSG_LENGTH(sizeof(*generic));
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	generic->cmd = command;
	generic->version = 1;
}

static struct nlattr *add(unsigned short type, const void *content, size_t bytes)
{
	struct nlattr *attribute = (struct nlattr *)(message + header->nlmsg_len);

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + bytes;
	if (bytes)
		memcpy((char *)attribute + NLA_HDRLEN, content, bytes);
	header->nlmsg_len += NLA_ALIGN(attribute->nla_len);
	return attribute;
}

/* What is added until `close_nest` is inside of it. */
static struct nlattr *open_nest(unsigned short type)
{
	return add(type | NLA_F_NESTED, NULL, 0);
}

static void close_nest(struct nlattr *nest)
{
	nest->nla_len = message + header->nlmsg_len - (unsigned char *)nest;
}

/* Sends the message, and leaves the answer to it in its place. */
static void ask(int socket, const char *what)
{
	if (send(socket, message, header->nlmsg_len, 0) < 0 || recv(socket, message, sizeof(message), 0) < 0)
		err(1, "%s", what);
	if (header->nlmsg_type != NLMSG_ERROR)
		return;
	errno = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
	if (errno)
		err(1, "%s", what);
}

static unsigned short family_id(int socket)
{
	begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	add(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME, sizeof(WG_GENL_NAME));
	header->nlmsg_flags = NLM_F_REQUEST;
	ask(socket, WG_GENL_NAME);
	unsigned char *at = message + NLMSG_LENGTH(sizeof(struct genlmsghdr));

	while (at < message + header->nlmsg_len) {
		struct nlattr *attribute = (struct nlattr *)at;

		if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(unsigned short *)(at + NLA_HDRLEN);
		at += NLA_ALIGN(attribute->nla_len);
	}
	errx(1, "the kernel does not say what %s is called", WG_GENL_NAME);
}

static void read_key(const char *text, unsigned char *key)
{
	for (int index = 0; index < WG_KEY_LEN; index++)
		if (sscanf(text + 2 * index, "%2hhx", key + index) != 1)
			errx(1, "%s is no key", text);
}

int main(int count, char **arguments)
{
	if (count != 7)
		errx(1, "usage: wireguard DEVICE PORT PRIVATE-KEY PEER-KEY PEER-ADDRESS PEER-PORT");
	unsigned int device = if_nametoindex(arguments[1]);
	unsigned short port = atoi(arguments[2]), family = AF_INET;
	unsigned char private_key[WG_KEY_LEN], peer_key[WG_KEY_LEN], any_bits = 0;
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[6]))};
	struct in_addr any = {0};
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (netlink < 0 || !device || inet_pton(AF_INET, arguments[5], &peer.sin_addr) != 1)
		err(1, "%s, %s", arguments[1], arguments[5]);
	read_key(arguments[3], private_key);
	read_key(arguments[4], peer_key);
	begin(family_id(netlink), WG_CMD_SET_DEVICE);
	add(WGDEVICE_A_IFINDEX, &device, sizeof(device));
	add(WGDEVICE_A_PRIVATE_KEY, private_key, sizeof(private_key));
	add(WGDEVICE_A_LISTEN_PORT, &port, sizeof(port));
	struct nlattr *peers = open_nest(WGDEVICE_A_PEERS), *first = open_nest(0);

	add(WGPEER_A_PUBLIC_KEY, peer_key, sizeof(peer_key));
	add(WGPEER_A_ENDPOINT, &peer, sizeof(peer));
	struct nlattr *allowed = open_nest(WGPEER_A_ALLOWEDIPS), *all = open_nest(0);

	add(WGALLOWEDIP_A_FAMILY, &family, sizeof(family));
	add(WGALLOWEDIP_A_IPADDR, &any, sizeof(any));
	add(WGALLOWEDIP_A_CIDR_MASK, &any_bits, sizeof(any_bits));
	close_nest(all);
	close_nest(allowed);
	close_nest(first);
	close_nest(peers);
	ask(netlink, arguments[1]);
	return 0;
}
