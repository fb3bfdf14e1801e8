/* The paths of MPTCP's connections. Nothing wakes a program when the kernel opens or ends one. */
#ifndef MPTCP_PATHS_H
#define MPTCP_PATHS_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* As in <netinet/tcp.h>, and in /proc/net/tcp. */
#define STATE_ESTABLISHED 1
#define STATE_TIME_WAIT   6
#define STATE_LISTEN      10

#define PATHS_POLL_MICROSECONDS 10000
#define PATHS_POLLS_AT_MOST     3000

/* Paths of this network namespace to or from the port, that are established or in no final state; -1 where
 * the kernel does not tell. */
static inline int paths(bool is_ipv6, unsigned port, bool is_established)
{
	FILE *table = fopen(is_ipv6 ? "/proc/net/tcp6" : "/proc/net/tcp", "r");
	char line[512];
	int found = 0;

	if (!table)
		return -1;
	while (fgets(line, sizeof(line), table)) {
		unsigned local, remote, state;

		if (sscanf(line, " %*[0-9]: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &local, &remote, &state) != 3 ||
		    (local != port && remote != port))
			continue;
		found += is_established ? state == STATE_ESTABLISHED
					: state != STATE_TIME_WAIT && state != STATE_LISTEN;
	}
	fclose(table);
	return found;
}

/* Until as many are established, for half a minute at most. False when there are fewer then. The kernel may
 * open more: Linux 6.1 opens one of a full mesh twice. */
static inline bool wait_for_paths(bool is_ipv6, unsigned port, int wanted)
{
	int found = paths(is_ipv6, port, true);

	for (int poll = 0; found < wanted && poll < PATHS_POLLS_AT_MOST; poll++) {
		usleep(PATHS_POLL_MICROSECONDS);
		found = paths(is_ipv6, port, true);
	}
	return found >= wanted;
}

/* Until all have ended, for half a minute at most. False when some have not, then. */
static inline bool wait_for_end(bool is_ipv6, unsigned port)
{
	int found = paths(is_ipv6, port, false);

	for (int poll = 0; found && poll < PATHS_POLLS_AT_MOST; poll++) {
		usleep(PATHS_POLL_MICROSECONDS);
		found = paths(is_ipv6, port, false);
	}
	return !found;
}

#endif
