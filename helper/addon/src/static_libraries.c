/* Lets Debian's libbpf.a and libelf.a, compiled for executables, be linked into a shared object. Each has one
 * thing that cannot: a variable that is reached in a way which only executables can. */
#include <libelf.h>
#include <stdio.h>

/* libbpf reaches the C library's variable `stderr` as if it were its own. The linker gives it this one
 * instead
 * (--wrap), which is. */
__attribute__((visibility("hidden"))) FILE *__wrap_stderr;
extern FILE *__real_stderr;

__attribute__((constructor)) static void set_stderr(void)
{
	__wrap_stderr = __real_stderr;
}

/* libelf keeps its last error in a thread-local variable of the executable. With the functions of that module
 * defined here, the linker leaves it out. The only thing that libelf ever reads in this process is the kernel
 * half, embedded in the addon, so the number of an error is all that anybody could want. */
static __thread int last_error;

void __libelf_seterrno(int value);

void __libelf_seterrno(int value)
{
	last_error = value;
}

int elf_errno(void)
{
	const int error = last_error;

	last_error = 0;
	return error;
}

const char *elf_errmsg(int error)
{
	static __thread char message[32];

	snprintf(message, sizeof(message), "libelf error %d", error > 0 ? error : last_error);
	return message;
}
