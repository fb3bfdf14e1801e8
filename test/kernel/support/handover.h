/* How a process has another go on with its socket: a child that is forked, or one that gets the descriptor in
 * a message. Every process that takes part prints its own counts. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "exchange.h"

#include <sys/wait.h>

/* Runs a part in a child, which prints its own counts. */
static inline pid_t in_child(void (*part)(int fd), int fd)
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

static inline void begin_when_handed_over(int fd)
{
	char byte;

	close(handed_over[1]);
	checked((int)read(handed_over[0], &byte, 1), "read");
	close(handed_over[0]);
	handed_part(fd);
}

/* Hands a socket over to a child, which begins when nobody else has a descriptor of it. Otherwise it could be
 * through before this process closes its own, and nobody could tell which of them used the socket. */
static inline void hand_to_child(void (*part)(int fd), int fd)
{
	checked(pipe(handed_over), "pipe");
	handed_part = part;
	in_child(begin_when_handed_over, fd);
	close(fd);
	close(handed_over[0]);
	close(handed_over[1]);
}

static inline void wait_for_children(void)
{
	int status;

	while (wait(&status) > 0)
		if (status != 0)
			exit(1);
}

/* A descriptor in a message over a Unix socket, and out of it. As with a child, the other process begins when
 * it alone has one. */
static inline void pass_descriptor(int channel, int fd)
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
static inline int take_descriptor(int channel)
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

#endif
