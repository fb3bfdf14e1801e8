// Has the kernel open what arrives as ESP in UDP (RFC 3948), until the input ends.
//
//   udp-opener ADDRESS PORT
#include <arpa/inet.h>
#include <err.h>
#include <linux/udp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/socket.h>

int main(int count, char **arguments)
{
	const struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = SOCK_DGRAM};
	const int kind = UDP_ENCAP_ESPINUDP;
	struct addrinfo *found;
	char byte;

	if (count != 3)
		errx(2, "ADDRESS PORT");
	if (getaddrinfo(arguments[1], arguments[2], &wanted, &found))
		errx(2, "%s %s", arguments[1], arguments[2]);
	const int opener = socket(found->ai_family, SOCK_DGRAM, 0);

	if (opener < 0 || bind(opener, found->ai_addr, found->ai_addrlen))
		err(1, "bind %s", arguments[1]);
	freeaddrinfo(found);
	if (setsockopt(opener, IPPROTO_UDP, UDP_ENCAP, &kind, sizeof(kind)))
		err(1, "UDP_ENCAP");
	puts("opens");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
