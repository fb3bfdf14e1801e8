/* Waiting for a peer to have everything. */
#ifndef ACKNOWLEDGED_H
#define ACKNOWLEDGED_H

#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>

/* Until all that was sent over a stream is acknowledged; -1 where the kernel does not tell, as `ioctl` does.
 */
static inline int wait_until_acknowledged(int fd)
{
	int left;

	while (!ioctl(fd, SIOCOUTQ, &left)) {
		if (left <= 0)
			return 0;
		poll(NULL, 0, 1);
	}
	return -1;
}

#endif
