#include "confinement.h"

#include "error.h"
#include "system_call_filter.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

namespace procnetmon {
namespace {

// The youngest call that was looked at for this list (listns, of Linux 6.19).
constexpr uint32_t highest_known_call = 470;

// O_CREAT, O_TRUNC and O_TMPFILE make or change files too. O_TMPFILE contains O_DIRECTORY, which is harmless
// alone.
constexpr uint32_t writing_flags = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

// Nobody is told of the other commands: programs and maps were made before, and nothing is pinned.
constexpr std::initializer_list<uint32_t> bpf_commands = {
    BPF_MAP_LOOKUP_ELEM,
    BPF_MAP_UPDATE_ELEM,
    BPF_MAP_DELETE_ELEM,
    BPF_MAP_GET_NEXT_KEY,
    BPF_MAP_LOOKUP_AND_DELETE_ELEM,
    BPF_MAP_LOOKUP_BATCH,
    BPF_MAP_LOOKUP_AND_DELETE_BATCH,
    BPF_MAP_UPDATE_BATCH,
    BPF_MAP_DELETE_BATCH,
    BPF_OBJ_GET_INFO_BY_FD,
    // Runs programs that were loaded before, over bytes of ours: a look at flows that rest.
    BPF_PROG_TEST_RUN,
    // At interfaces that appear later.
    BPF_LINK_CREATE,
    BPF_LINK_DETACH,
};

// What the terminal is asked and told by Node, and flags of descriptors; and a socket's network namespace.
// Not TIOCSTI, which types on the terminal.
constexpr std::initializer_list<uint32_t> ioctl_requests = {
    TCGETS,   TCSETS,   TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP,
    TIOCGPTN, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX,   SIOCGSKNS,
};

void allow_memory(SystemCallFilter &filter)
{
	// The engine compiles JavaScript, so memory becomes executable.
	filter.allow({SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_membarrier});
	filter.allow({SYS_pkey_alloc, SYS_pkey_free, SYS_pkey_mprotect});
}

void allow_threads(SystemCallFilter &filter, uint32_t self, uint32_t child)
{
	filter.allow({SYS_futex, SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_getparam,
		      SYS_sched_getscheduler, SYS_set_robust_list, SYS_get_robust_list, SYS_set_tid_address,
		      SYS_exit, SYS_exit_group, SYS_gettid, SYS_getcpu});
#ifdef SYS_rseq
	filter.allow({SYS_rseq});
#endif
	filter.allow_bits(SYS_clone, 0, CLONE_THREAD, CLONE_THREAD);
	// Its flags are out of a filter's sight. The C library falls back to clone.
	filter.refuse(SYS_clone3, ENOSYS);
	filter.allow({SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait,
		      SYS_rt_sigpending, SYS_sigaltstack, SYS_restart_syscall});
	filter.allow_signals(SYS_kill, {self, child ? child : self});
	filter.allow_values(SYS_tgkill, 0, {self});
	filter.allow({SYS_wait4, SYS_waitid});
}

void allow_clocks(SystemCallFilter &filter)
{
	filter.allow({SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep,
		      SYS_gettimeofday, SYS_times, SYS_timerfd_create, SYS_timerfd_settime,
		      SYS_timerfd_gettime});
#ifdef SYS_time
	filter.allow({SYS_time});
#endif
}

void allow_descriptors(SystemCallFilter &filter)
{
	filter.allow({SYS_read,     SYS_write,     SYS_readv,     SYS_writev,    SYS_pread64,
		      SYS_pwrite64, SYS_preadv,    SYS_pwritev,   SYS_close,     SYS_lseek,
		      SYS_fsync,    SYS_fdatasync, SYS_ftruncate, SYS_fallocate, SYS_dup,
		      SYS_dup3,     SYS_fcntl,     SYS_flock,     SYS_pipe2,     SYS_eventfd2});
	filter.allow({SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait});
#ifdef SYS_epoll_pwait2
	filter.allow({SYS_epoll_pwait2});
#endif
#ifdef SYS_close_range
	filter.allow({SYS_close_range});
#endif
#ifdef __x86_64__
	filter.allow({SYS_poll, SYS_select, SYS_epoll_wait, SYS_dup2});
#endif
	filter.allow_values(SYS_ioctl, 1, ioctl_requests);
}

void allow_reading_files(SystemCallFilter &filter)
{
	filter.allow_bits(SYS_openat, 2, writing_flags, O_RDONLY);
	// Its flags are out of a filter's sight too.
	filter.refuse(SYS_openat2, ENOSYS);
	filter.allow({SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_readlinkat,
		      SYS_faccessat, SYS_getdents64, SYS_getcwd});
#ifdef SYS_faccessat2
	filter.allow({SYS_faccessat2});
#endif
#ifdef __x86_64__
	filter.allow_bits(SYS_open, 1, writing_flags, O_RDONLY);
	filter.allow({SYS_stat, SYS_lstat, SYS_readlink, SYS_access, SYS_getdents});
#endif
	filter.allow({SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch});
}

void allow_sockets(SystemCallFilter &filter)
{
	// Routes, process events and the diagnosis of sockets. Nothing else is ever spoken to.
	filter.allow_values(SYS_socket, 0, {AF_NETLINK});
	filter.allow({SYS_bind, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg, SYS_getsockopt,
		      SYS_setsockopt, SYS_getsockname, SYS_getpeername, SYS_shutdown});
	filter.allow({SYS_pidfd_open, SYS_pidfd_getfd});
	filter.allow_values(SYS_bpf, 0, bpf_commands);
}

void allow_questions(SystemCallFilter &filter)
{
	filter.allow({SYS_getpid, SYS_getppid, SYS_getpgid, SYS_getsid, SYS_getuid, SYS_geteuid, SYS_getgid,
		      SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_capget, SYS_uname,
		      SYS_sysinfo, SYS_getrusage, SYS_getrandom});
#ifdef __x86_64__
	filter.allow({SYS_getpgrp, SYS_getrlimit});
#endif
	// Asking for a limit, not setting one.
	filter.allow_null(SYS_prlimit64, 2);
	filter.allow_values(SYS_prctl, 0,
			    {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ,
			     PR_GET_SECCOMP, PR_GET_SECUREBITS, PR_SET_VMA});
}

} // namespace

void confine(pid_t child)
{
	SystemCallFilter filter(highest_known_call);

	allow_descriptors(filter);
	allow_clocks(filter);
	allow_memory(filter);
	allow_threads(filter, static_cast<uint32_t>(::getpid()), static_cast<uint32_t>(child));
	allow_reading_files(filter);
	allow_sockets(filter);
	allow_questions(filter);

	std::vector<sock_filter> program = filter.finish();
	const sock_fprog description{static_cast<unsigned short>(program.size()), program.data()};
	// In all threads at once. Without the second flag kernels before 5.16 make the process slower,
	// against a danger that only code which is not trusted brings.
	const long result =
	    ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		      SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &description);

	if (result > 0)
		throw KernelError("seccomp", EBUSY,
				  "thread " + std::to_string(result) + " has another filter");
	checked(static_cast<int>(result), "seccomp");
}

} // namespace procnetmon
