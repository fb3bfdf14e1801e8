/* A process whose main thread ends at once, while another thread runs until standard input ends. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_for_input(void *unused)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	(void)unused;
	exit(0);
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_input, NULL))
		return 1;
	pthread_exit(NULL);
}
