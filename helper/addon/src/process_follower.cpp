#include "process_follower.h"

#include "capabilities.h"
#include "error.h"
#include "privileges.h"

#include <poll.h>
#include <sched.h>

#include <sys/eventfd.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

namespace procnetmon {
namespace {

// What waits for the main loop. With more, it is told to look at /proc instead.
constexpr size_t maximum_pending = 65'536;
constexpr size_t stack_bytes = 256 << 10;

FileDescriptor open_signal()
{
	return FileDescriptor(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
}

// Neither can fail in a way that matters: it is readable afterwards, or not readable any more.
void raise_signal(const FileDescriptor &signal)
{
	::eventfd_write(signal.get(), 1);
}

void clear_signal(const FileDescriptor &signal)
{
	eventfd_t count;

	::eventfd_read(signal.get(), &count);
}

// A child of a busy machine would have said its first word before this thread has its turn. It takes some
// microseconds for a process, so nobody misses them. Without the right to it the thread has to take its turn.
void go_before_others()
{
	const sched_param lowest{.sched_priority = ::sched_get_priority_min(SCHED_FIFO)};

	::sched_setscheduler(0, SCHED_FIFO, &lowest);
}

} // namespace

ProcessFollower::ProcessFollower(ProcessConnector &connector, InheritingLock &lock)
    : connector_(connector), lock_(lock), news_(open_signal()), stop_(open_signal())
{
	if (!connector_.is_available())
		return;
	const uv_thread_options_t options{.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = stack_bytes};
	const auto entry = [](void *self) { static_cast<ProcessFollower *>(self)->run(); };

	uv_sem_init(&started_, 0);
	const int error = uv_thread_create_ex(&thread_, &options, entry, this);

	// The rights by which it goes before others may be given up any time from now on.
	if (!error)
		uv_sem_wait(&started_);
	uv_sem_destroy(&started_);
	if (error)
		throw KernelError("uv_thread_create", -error);
	is_running_ = true;
}

ProcessFollower::~ProcessFollower()
{
	if (!is_running_)
		return;
	raise_signal(stop_);
	uv_thread_join(&thread_);
}

void ProcessFollower::collect(std::vector<Event> &events)
{
	clear_signal(news_);
	connector_.collect(pending_);
	events.insert(events.end(), std::move_iterator(pending_.begin()), std::move_iterator(pending_.end()));
	pending_.clear();
}

void ProcessFollower::put_back(std::vector<Event> &events, uint64_t nanos)
{
	const auto is_earlier = [nanos](const Event &event) {
		const auto *process = std::get_if<ProcessEvent>(&event);

		return !process || process->nanos <= nanos;
	};
	const auto later = std::stable_partition(events.begin(), events.end(), is_earlier);

	pending_.assign(std::move_iterator(later), std::move_iterator(events.end()));
	events.erase(later, events.end());
	if (!pending_.empty())
		raise_signal(news_);
}

void ProcessFollower::run()
{
	go_before_others();
	// Kernels below 5.19 let nobody else change a map.
	keep_in_this_thread(capability_bit(CAP_BPF));
	uv_sem_post(&started_);
	pollfd awaited[] = {{connector_.fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};

	for (;;) {
		const int count = ::poll(awaited, std::size(awaited), -1);

		// Interrupted by a signal, by which this thread loses its rights as all do.
		if (count < 0 && errno == EINTR)
			continue;
		// Nor may it turn in a circle, before others, over a socket that is not there.
		if (count < 0 || awaited[1].revents || awaited[0].revents & (POLLHUP | POLLNVAL))
			return;
		follow();
	}
}

void ProcessFollower::follow()
{
	const std::lock_guard guard(lock_);

	try {
		connector_.collect(pending_);
	} catch (const KernelError &) {
		pending_.assign(1, ProcessEventsLost{});
	}
	if (pending_.size() > maximum_pending)
		pending_.assign(1, ProcessEventsLost{});
	if (!pending_.empty())
		raise_signal(news_);
}

} // namespace procnetmon
