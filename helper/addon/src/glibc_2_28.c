/* Keeps the addon loadable on glibc 2.28 whichever glibc it is built with.
 *
 * A linker binds each symbol to the newest version that the building system knows, and the static libraries
 * inside were compiled there. The linker is told (--wrap, in binding.gyp) to send the symbols below here,
 * from where they go to what glibc 2.28 has too. A test looks at the result. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OLDEST        "GLIBC_2.2.5"
#define SECOND_OLDEST "GLIBC_2.4"
#elif defined(__aarch64__)
#define OLDEST        "GLIBC_2.17"
#define SECOND_OLDEST "GLIBC_2.17"
#else
#error "The oldest glibc version of this architecture is to be filled in"
#endif

#define HIDDEN __attribute__((visibility("hidden")))

/* Since 2.33 in place of __fxstat() and the like. The kernel's structure is the C library's on 64 bits. */

HIDDEN int __wrap_fstat(int fd, struct stat *status);
HIDDEN int __wrap_stat(const char *path, struct stat *status);
HIDDEN int __wrap_lstat(const char *path, struct stat *status);

int __wrap_fstat(int fd, struct stat *status)
{
	return (int)syscall(SYS_fstat, fd, status);
}

int __wrap_stat(const char *path, struct stat *status)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, 0);
}

int __wrap_lstat(const char *path, struct stat *status)
{
	return (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}

/* Since 2.34 in libc instead of libpthread, which Node loads where there is one. */

#define SAME_BUT_OLD(result, name, parameters, arguments)                                                    \
	SAME_BUT_OF(OLDEST, result, name, parameters, arguments)

#define SAME_BUT_OF(version, result, name, parameters, arguments)                                            \
	__asm__(".symver old_" #name "," #name "@" version);                                                 \
	extern result old_##name parameters;                                                                 \
	HIDDEN result __wrap_##name parameters;                                                              \
	result __wrap_##name parameters                                                                      \
	{                                                                                                    \
		return old_##name arguments;                                                                 \
	}

SAME_BUT_OLD(int, pthread_once, (pthread_once_t * once, void (*function)(void)), (once, function))
SAME_BUT_OLD(int, __pthread_key_create, (pthread_key_t * key, void (*destroy)(void *)), (key, destroy))
SAME_BUT_OLD(int, pthread_key_create, (pthread_key_t * key, void (*destroy)(void *)), (key, destroy))
SAME_BUT_OLD(int, pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
SAME_BUT_OLD(void *, pthread_getspecific, (pthread_key_t key), (key))
SAME_BUT_OLD(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
SAME_BUT_OLD(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
SAME_BUT_OLD(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
SAME_BUT_OLD(int, pthread_create,
	     (pthread_t * thread, const pthread_attr_t *attributes, void *(*function)(void *),
	      void *argument),
	     (thread, attributes, function, argument))
SAME_BUT_OLD(int, pthread_join, (pthread_t thread, void **result), (thread, result))

SAME_BUT_OLD(int, pthread_mutexattr_init, (pthread_mutexattr_t * attributes), (attributes))
SAME_BUT_OF(SECOND_OLDEST, int, pthread_mutexattr_setprotocol,
	    (pthread_mutexattr_t * attributes, int protocol), (attributes, protocol))

/* Since 2.32. "No" is always true enough: it only chooses atomic operations. */
HIDDEN char __wrap___libc_single_threaded = 0;

/* Since 2.35: how a thrown exception finds the tables of the code that it passes. */
#ifdef DLFO_STRUCT_HAS_EH_DBASE

struct search {
	uintptr_t address;
	struct dl_find_object *result;
};

static int look_into(struct dl_phdr_info *object, size_t size, void *data)
{
	struct search *search = data;
	const ElfW(Phdr) *tables = NULL;
	int is_inside = 0;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];

		if (segment->p_type == PT_GNU_EH_FRAME)
			tables = segment;
		else if (segment->p_type == PT_LOAD &&
			 search->address - (object->dlpi_addr + segment->p_vaddr) < segment->p_memsz)
			is_inside = 1;
	}
	if (!is_inside || !tables)
		return is_inside;
	search->result->dlfo_eh_frame = (void *)(object->dlpi_addr + tables->p_vaddr);
	return 1;
}

HIDDEN int __wrap__dl_find_object(void *address, struct dl_find_object *result);

int __wrap__dl_find_object(void *address, struct dl_find_object *result)
{
	struct search search = {(uintptr_t)address, result};

	*result = (struct dl_find_object){0};
	dl_iterate_phdr(look_into, &search);
	return result->dlfo_eh_frame ? 0 : -1;
}

#endif

/* Since 2.38: the conversions of C23, which also know binary literals. Nothing here is written in binary. */

extern long old_strtol(const char *, char **, int) __asm__("strtol");
extern unsigned long old_strtoul(const char *, char **, int) __asm__("strtoul");
extern long long old_strtoll(const char *, char **, int) __asm__("strtoll");
extern unsigned long long old_strtoull(const char *, char **, int) __asm__("strtoull");
extern int old_vsscanf(const char *, const char *, va_list) __asm__("__isoc99_vsscanf");
extern int old_vfscanf(FILE *, const char *, va_list) __asm__("__isoc99_vfscanf");

HIDDEN long __wrap___isoc23_strtol(const char *text, char **end, int base);
HIDDEN unsigned long __wrap___isoc23_strtoul(const char *text, char **end, int base);
HIDDEN long long __wrap___isoc23_strtoll(const char *text, char **end, int base);
HIDDEN unsigned long long __wrap___isoc23_strtoull(const char *text, char **end, int base);
HIDDEN int __wrap___isoc23_sscanf(const char *text, const char *format, ...);
HIDDEN int __wrap___isoc23_fscanf(FILE *file, const char *format, ...);

long __wrap___isoc23_strtol(const char *text, char **end, int base)
{
	return old_strtol(text, end, base);
}

unsigned long __wrap___isoc23_strtoul(const char *text, char **end, int base)
{
	return old_strtoul(text, end, base);
}

long long __wrap___isoc23_strtoll(const char *text, char **end, int base)
{
	return old_strtoll(text, end, base);
}

unsigned long long __wrap___isoc23_strtoull(const char *text, char **end, int base)
{
	return old_strtoull(text, end, base);
}

int __wrap___isoc23_sscanf(const char *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const int count = old_vsscanf(text, format, arguments);

	va_end(arguments);
	return count;
}

int __wrap___isoc23_fscanf(FILE *file, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const int count = old_vfscanf(file, format, arguments);

	va_end(arguments);
	return count;
}
