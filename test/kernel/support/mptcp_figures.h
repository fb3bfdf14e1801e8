/* What the kernel tells of a connection of MPTCP. */
#ifndef MPTCP_FIGURES_H
#define MPTCP_FIGURES_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define LEVEL_MPTCP 284
#define MPTCP_INFO  1

/* As struct mptcp_info in <linux/mptcp.h> of Linux 6.5, up to the last figure that is wanted. */
struct mptcp_figures {
	uint8_t limits[6];
	uint32_t flags;
	uint32_t token;
	uint64_t places[3];
	uint8_t settings[3];
	uint32_t retransmits;
	uint64_t bytes_retransmitted;
};

/* Bytes that were sent again as payload of TCP, over the same path or another one; -1 where it is not told
 * (below 6.5, and of plain TCP). */
static inline long long sent_again(int fd)
{
	struct mptcp_figures figures;
	socklen_t length = sizeof(figures);

	if (getsockopt(fd, LEVEL_MPTCP, MPTCP_INFO, &figures, &length) || length < sizeof(figures))
		return -1;
	return (long long)figures.bytes_retransmitted;
}

#endif
