#include "kernel.h"

#include "error.h"

#include <bpf/bpf.h>
#include <sys/epoll.h>

#include <algorithm>
#include <mutex>

namespace procnetmon {
namespace {

void poll_too(int epoll, int fd)
{
	epoll_event interest{};

	interest.events = EPOLLIN;
	checked(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest), "epoll_ctl");
}

void require_living(uint32_t process_id)
{
	const FileDescriptor process = open_process(process_id);
	const int error = process ? (is_process_over(process.get()) ? ESRCH : 0) : errno;

	if (error)
		throw KernelError("watch", error, "process " + std::to_string(process_id));
}

uint64_t nanos_of(const Event &event)
{
	if (const auto *socket = std::get_if<pnm_event>(&event))
		return socket->time_ns;
	if (const auto *process = std::get_if<ProcessEvent>(&event))
		return process->nanos;
	return 0; // has no time: before all that have
}

} // namespace

Kernel::Kernel(const std::string &cgroup, Attachment attachment, uint32_t only_user)
    : programs_(only_user), flow_pool_(programs_),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), socket_events_(programs_.events()),
      payload_samples_(programs_.samples()), watch_list_(programs_.watched(), programs_.inspection()),
      process_connector_(watch_list_, epoll_.get()), process_follower_(process_connector_, processes_lock_),
      socket_adoption_(programs_, flow_pool_), hooks_(programs_, attachment)
{
	poll_too(epoll_.get(), socket_events_.fd());
	poll_too(epoll_.get(), payload_samples_.fd());
	poll_too(epoll_.get(), link_monitor_.fd());
	poll_too(epoll_.get(), process_follower_.fd());
	programs_.attach_cgroup(cgroup);
}

std::vector<Interface> Kernel::interfaces() const
{
	std::vector<Interface> interfaces;

	for (auto &[index, link] : list_links())
		interfaces.push_back({link, hooks_.is_attached(index)});
	return interfaces;
}

void Kernel::watch(uint32_t process_id, Watching watching)
{
	const std::lock_guard guard(processes_lock_);
	const bool was_watched = watch_list_.contains(process_id);

	// One that has ended may be in its afterlife, which is not to be cut short.
	if (!was_watched)
		require_living(process_id);
	// Watched first, looked at then: whichever way its end falls, it is either reported or found here.
	watch_list_.add(process_id, watching);
	if (was_watched)
		return;
	try {
		require_living(process_id);
	} catch (const KernelError &) {
		watch_list_.remove(process_id);
		throw;
	}
}

void Kernel::unwatch(uint32_t process_id)
{
	const std::lock_guard guard(processes_lock_);

	watch_list_.remove(process_id);
	process_connector_.forget(process_id);
}

std::vector<Overflow> Kernel::overflow() const
{
	std::vector<Overflow> entries;
	pnm_overflow_key key{};
	const pnm_overflow_key *previous = nullptr;

	// Entries are never removed while programs run, so the walk does not start over.
	while (entries.size() < PNM_OVERFLOW_CAPACITY &&
	       bpf_map_get_next_key(programs_.overflow(), previous, &key) == 0) {
		Overflow entry{key, {}};

		if (bpf_map_lookup_elem(programs_.overflow(), &key, &entry.value) == 0)
			entries.push_back(entry);
		previous = &key;
	}
	return entries;
}

Statistics Kernel::statistics() const
{
	const std::lock_guard guard(processes_lock_);
	const volatile pnm_statistics &kernel = programs_.statistics();

	// Children that were not followed and records that made no sense are events that nobody hears of.
	return {kernel.dropped_events + process_connector_.unfollowed() + socket_events_.invalid(),
		kernel.dropped_flows,
		kernel.dropped_processes,
		kernel.samples,
		kernel.dropped_samples + payload_samples_.invalid(),
		kernel.skipped_messages,
		kernel.overflow_updates};
}

std::vector<Event> Kernel::collect()
{
	std::vector<Event> events;

	link_monitor_.collect(events);
	for (const Event &event : events)
		if (const auto *link = std::get_if<LinkEvent>(&event); link && link->is_removed)
			hooks_.detach(link->index);
	{
		// Processes before sockets: whatever a socket did before a process event is in the ring by
		// now. Both at once: what is in the ring is of processes whose birth was told of.
		const std::lock_guard guard(processes_lock_);

		watch_list_.expire();
		process_follower_.collect(events);
		// The end of a process is not told of before what its sockets did until then.
		if (!socket_events_.collect(events))
			process_follower_.put_back(events, nanos_of(events.back()));
	}
	std::stable_sort(events.begin(), events.end(),
			 [](const Event &a, const Event &b) { return nanos_of(a) < nanos_of(b); });
	return events;
}

} // namespace procnetmon
