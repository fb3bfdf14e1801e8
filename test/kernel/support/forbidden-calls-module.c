// A module for Node that makes, each by its name, system calls which a helper has no business with. Their
// arguments are such that nothing happens where they are let through: a call that fails with EPERM was
// stopped before it was looked at.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <node_api.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
	const char *name;
	long number;
	long arguments[6];
};

// Not null, and nobody's memory.
#define NOWHERE 1L

static const struct call calls[] = {
    {"execve", SYS_execve, {NOWHERE}},
    {"execveat", SYS_execveat, {AT_FDCWD, NOWHERE}},
    {"clone3", SYS_clone3, {NOWHERE, sizeof(struct clone_args)}},
    {"unshare", SYS_unshare, {0}},
    {"setns", SYS_setns, {-1, 0}},
    {"ptrace", SYS_ptrace, {-1, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {0, NOWHERE, 1, NOWHERE, 1}},
    {"process_vm_writev", SYS_process_vm_writev, {0, NOWHERE, 1, NOWHERE, 1}},
    {"pidfd_send_signal", SYS_pidfd_send_signal, {-1, 0}},
    {"mount", SYS_mount, {NOWHERE, NOWHERE, NOWHERE}},
    {"umount2", SYS_umount2, {NOWHERE}},
    {"pivot_root", SYS_pivot_root, {NOWHERE, NOWHERE}},
    {"chroot", SYS_chroot, {NOWHERE}},
    {"add_key", SYS_add_key, {NOWHERE, NOWHERE}},
    {"keyctl", SYS_keyctl, {-1}},
    {"perf_event_open", SYS_perf_event_open, {NOWHERE}},
    {"userfaultfd", SYS_userfaultfd, {-1}},
    {"memfd_create", SYS_memfd_create, {NOWHERE}},
    {"io_uring_enter", SYS_io_uring_enter, {-1}},
    {"io_uring_setup", SYS_io_uring_setup, {0, NOWHERE}},
    {"bpf BPF_MAP_CREATE", SYS_bpf, {BPF_MAP_CREATE, NOWHERE, 8}},
    {"bpf BPF_PROG_LOAD", SYS_bpf, {BPF_PROG_LOAD, NOWHERE, 8}},
    {"bpf BPF_OBJ_PIN", SYS_bpf, {BPF_OBJ_PIN, NOWHERE, 8}},
    {"bpf BPF_PROG_GET_FD_BY_ID", SYS_bpf, {BPF_PROG_GET_FD_BY_ID, NOWHERE, 8}},
    {"socket AF_INET", SYS_socket, {AF_INET, -1}},
    {"socket AF_INET6", SYS_socket, {AF_INET6, -1}},
    {"socket AF_PACKET", SYS_socket, {AF_PACKET, -1}},
    {"socket AF_UNIX", SYS_socket, {AF_UNIX, -1}},
    {"socket AF_VSOCK", SYS_socket, {AF_VSOCK, -1}},
    {"socketpair", SYS_socketpair, {AF_UNIX, -1}},
    {"openat O_WRONLY", SYS_openat, {AT_FDCWD, NOWHERE, O_WRONLY}},
    {"openat O_RDWR", SYS_openat, {AT_FDCWD, NOWHERE, O_RDWR}},
    {"openat O_CREAT", SYS_openat, {AT_FDCWD, NOWHERE, O_CREAT}},
    {"openat O_TRUNC", SYS_openat, {AT_FDCWD, NOWHERE, O_TRUNC}},
    {"openat2", SYS_openat2, {AT_FDCWD, NOWHERE, NOWHERE, 24}},
    {"unlinkat", SYS_unlinkat, {AT_FDCWD, NOWHERE}},
    {"renameat2", SYS_renameat2, {AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE}},
    {"linkat", SYS_linkat, {AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE}},
    {"symlinkat", SYS_symlinkat, {NOWHERE, AT_FDCWD, NOWHERE}},
    {"mkdirat", SYS_mkdirat, {AT_FDCWD, NOWHERE}},
    {"mknodat", SYS_mknodat, {AT_FDCWD, NOWHERE}},
    {"fchmodat", SYS_fchmodat, {AT_FDCWD, NOWHERE}},
    {"fchownat", SYS_fchownat, {AT_FDCWD, NOWHERE}},
    {"truncate", SYS_truncate, {NOWHERE}},
    {"setxattr", SYS_setxattr, {NOWHERE, NOWHERE}},
    {"capset", SYS_capset, {NOWHERE, NOWHERE}},
    {"setresuid", SYS_setresuid, {-1, -1, -1}},
    {"setresgid", SYS_setresgid, {-1, -1, -1}},
    {"setgroups", SYS_setgroups, {1, NOWHERE}},
    {"prctl PR_SET_DUMPABLE", SYS_prctl, {PR_SET_DUMPABLE, 9}},
    {"prctl PR_SET_TSC", SYS_prctl, {PR_SET_TSC, -1}},
    {"seccomp", SYS_seccomp, {-1}},
    {"prlimit64", SYS_prlimit64, {0, 0, NOWHERE}},
    {"ioctl TIOCSTI", SYS_ioctl, {-1, TIOCSTI}},
    {"clock_settime", SYS_clock_settime, {0, NOWHERE}},
    {"acct", SYS_acct, {NOWHERE}},
    {"swapon", SYS_swapon, {NOWHERE}},
    {"reboot", SYS_reboot, {0}},
    {"personality", SYS_personality, {-1}},
};

static long fork_once(void)
{
	const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid((pid_t)child, NULL, 0);
	return child;
}

/// An object of the errno (0 for none) by the name of each call.
static napi_value try_all(napi_env env, napi_callback_info info)
{
	napi_value results, number;

	(void)info;
	napi_create_object(env, &results);
	for (size_t index = 0; index < sizeof(calls) / sizeof(calls[0]); index++) {
		const struct call *call = &calls[index];
		const long *a = call->arguments;
		const long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);

		napi_create_int32(env, result < 0 ? errno : 0, &number);
		napi_set_named_property(env, results, call->name, number);
	}
	napi_create_int32(env, fork_once() < 0 ? errno : 0, &number);
	napi_set_named_property(env, results, "fork", number);
	return results;
}

NAPI_MODULE_INIT()
{
	napi_value function;

	napi_create_function(env, "tryAll", NAPI_AUTO_LENGTH, try_all, NULL, &function);
	napi_set_named_property(env, exports, "tryAll", function);
	return exports;
}
