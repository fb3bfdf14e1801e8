/* Takes the names of life signs (helper/addon/src/clsact.cpp) before a helper does.
 *
 *   take-names FIRST COUNT
 *
 * Prints a line when it has them, and keeps them until its input ends. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	if (count != 3)
		return 2;
	const unsigned long first = strtoul(arguments[1], NULL, 10);
	const unsigned long end = first + strtoul(arguments[2], NULL, 10);

	for (unsigned long instance = first; instance < end; instance++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		const int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
					    "procnetmon/clsact/%lu", instance);
		const int taken = socket(AF_UNIX, SOCK_DGRAM, 0);

		if (taken < 0 ||
		    bind(taken, (struct sockaddr *)&address,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length))) {
			perror("bind");
			return 1;
		}
	}
	puts("taken");
	fflush(stdout);
	while (getchar() != EOF) {
	}
	return 0;
}
