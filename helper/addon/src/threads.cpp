#include "threads.h"

#include "error.h"
#include "monotonic.h"
#include "process_files.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace procnetmon {
namespace {

// The signal by which the C library itself reaches all threads for setuid(). It keeps this one out of every
// signal mask: Node has a thread that blocks all others. Its handler is put back afterwards.
constexpr int unmaskable_signal = 33;
constexpr int any_free_signal = 64;
constexpr uint64_t patience_nanos = 2'000'000'000;

// As the kernel has it on x86-64 and arm64; the C library hides this signal from its own sigaction().
struct KernelSignalAction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)();
	uint64_t mask;
};

std::atomic<ThreadAction> current_action;
std::atomic<pid_t> expected_thread;
std::atomic<int> first_error;
static_assert(std::atomic<ThreadAction>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free);

void handle_signal(int)
{
	const int saved_errno = errno;
	const ThreadAction action = current_action.load();

	if (action) {
		if (const int error = action())
			first_error.store(error);
		expected_thread.store(0);
	}
	errno = saved_errno;
}

void kernel_sigaction(int signal, const KernelSignalAction *action, KernelSignalAction *previous)
{
	constexpr size_t mask_bytes = sizeof(uint64_t);

	checked(static_cast<int>(::syscall(SYS_rt_sigaction, signal, action, previous, mask_bytes)),
		"rt_sigaction");
}

// Where a handler returns to is the C library's own; it gives it to any signal that it does not hide.
KernelSignalAction action_with_restorer()
{
	struct sigaction action {};
	struct sigaction previous;
	KernelSignalAction result;

	action.sa_handler = handle_signal;
	action.sa_flags = SA_RESTART;
	checked(::sigaction(any_free_signal, &action, &previous), "sigaction");
	kernel_sigaction(any_free_signal, nullptr, &result);
	::sigaction(any_free_signal, &previous, nullptr);
	return result;
}

class Handler {
      public:
	explicit Handler(ThreadAction action)
	{
		const KernelSignalAction handler = action_with_restorer();

		first_error = 0;
		current_action = action;
		kernel_sigaction(unmaskable_signal, &handler, &previous_);
	}
	~Handler()
	{
		::syscall(SYS_rt_sigaction, unmaskable_signal, &previous_, nullptr, sizeof(uint64_t));
		current_action = nullptr;
	}
	Handler(const Handler &) = delete;
	Handler &operator=(const Handler &) = delete;

      private:
	KernelSignalAction previous_;
};

bool exists(pid_t thread)
{
	return ::syscall(SYS_tgkill, ::getpid(), thread, 0) == 0;
}

void run_in(pid_t thread, const char *operation)
{
	const uint64_t deadline = monotonic_nanos() + patience_nanos;

	expected_thread = thread;
	if (::syscall(SYS_tgkill, ::getpid(), thread, unmaskable_signal))
		return; // it has ended
	while (expected_thread.load() && exists(thread)) {
		if (monotonic_nanos() > deadline)
			throw KernelError(operation, ETIMEDOUT, "thread " + std::to_string(thread));
		::sched_yield();
	}
	if (const int error = first_error.load())
		throw KernelError(operation, error, "thread " + std::to_string(thread));
}

} // namespace

void run_in_other_threads(ThreadAction action, const char *operation)
{
	const Handler handler(action);
	const auto self = static_cast<pid_t>(::syscall(SYS_gettid));

	for (const uint32_t thread : numbered_entries("/proc/self/task"))
		if (static_cast<pid_t>(thread) != self)
			run_in(static_cast<pid_t>(thread), operation);
}

} // namespace procnetmon
