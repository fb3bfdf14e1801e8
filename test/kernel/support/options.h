/* What a program of the tests was told as KEY=VALUE on its command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int argument_count;
static char **arguments;

static const char *text(const char *key, const char *otherwise)
{
	const size_t length = strlen(key);

	for (int index = 2; index < argument_count; index++)
		if (!strncmp(arguments[index], key, length) && arguments[index][length] == '=')
			return arguments[index] + length + 1;
	return otherwise;
}

static long number(const char *key, long otherwise)
{
	const char *value = text(key, NULL);

	return value ? strtol(value, NULL, 0) : otherwise;
}

static int checked(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
	return (int)result;
}

static void set(int fd, int level, int name, const void *value, socklen_t length, const char *what)
{
	checked(setsockopt(fd, level, name, value, length), what);
}

static void set_number(int fd, int level, int name, int value, const char *what)
{
	set(fd, level, name, &value, sizeof(value), what);
}

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

static bool is_v6(void)
{
	return number("family", 4) == 6;
}

/* An address in the family of the socket. */
static struct address address_of(const char *key, long port)
{
	struct address address = {};
	const char *value = text(key, is_v6() ? "::" : "0.0.0.0");

	if (is_v6()) {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons((uint16_t)port);
		checked(inet_pton(AF_INET6, value, &address.v6.sin6_addr) - 1, value);
		address.v6.sin6_scope_id = if_nametoindex(text("interface", "wire0"));
		address.length = sizeof(address.v6);
	} else {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons((uint16_t)port);
		checked(inet_pton(AF_INET, value, &address.v4.sin_addr) - 1, value);
		address.length = sizeof(address.v4);
	}
	return address;
}

#endif
