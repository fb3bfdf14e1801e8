// Loaded before the C library (LD_PRELOAD): stops the process each time that it has taken a descriptor of a
// TCP socket out of another process, until it is told to continue (SIGCONT).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>

#include <sys/socket.h>
#include <sys/syscall.h>

long syscall(long number, ...)
{
	long (*const real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int index = 0; index < 6; index++)
		arguments[index] = va_arg(list, long);
	va_end(list);
	const long result =
	    real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
	int protocol = 0;
	socklen_t length = sizeof(protocol);

	if (number == SYS_pidfd_getfd && result >= 0 &&
	    !getsockopt((int)result, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) && protocol == IPPROTO_TCP)
		raise(SIGSTOP);
	return result;
}
