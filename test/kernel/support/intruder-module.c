// A library that leaves a mark as soon as it is loaded: the file that INTRUDER_MARK names.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void leave_mark(void)
{
	const char *mark = getenv("INTRUDER_MARK");
	const int file = mark ? open(mark, O_CREAT | O_WRONLY, 0644) : -1;

	if (file >= 0)
		close(file);
}

// What OpenSSL calls in a provider.
int OSSL_provider_init(const void *handle, const void *in, const void **out, void **context)
{
	(void)handle;
	(void)in;
	(void)out;
	(void)context;
	return 0;
}
