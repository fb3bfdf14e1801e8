#include "watch_list.h"

#include "error.h"
#include "monotonic.h"
#include "procnetmon.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <limits>

namespace procnetmon {
namespace {

// Connections of a process that ended close within a round trip or are retried; this covers the former.
constexpr uint64_t afterlife_nanos = 2'000'000'000;

} // namespace

void WatchList::add(uint32_t process_id, Watching watching)
{
	const uint32_t wanted = PNM_WATCH_EVENTS | (watching.is_inspected ? PNM_WATCH_INSPECT : 0);
	int result = bpf_map_update_elem(map_, &process_id, &wanted, BPF_ANY);

	if (result && errno == E2BIG && !departed_.empty()) {
		forget_departed(std::numeric_limits<uint64_t>::max());
		result = bpf_map_update_elem(map_, &process_id, &wanted, BPF_ANY);
	}
	if (result)
		throw KernelError("watch", errno == E2BIG ? ENOSPC : errno,
				  "process " + std::to_string(process_id));
	// The id may have been used before, by a process that is gone.
	std::erase_if(departed_, [&](const Departure &departure) {
		if (departure.process_id != process_id)
			return false;
		inspected_ -= departure.is_inspected;
		return true;
	});
	inspected_ += watching.is_inspected;
	inspected_ -= at(process_id).is_inspected;
	watched_[process_id] = watching;
	renew_generation();
}

void WatchList::remove(uint32_t process_id)
{
	inspected_ -= at(process_id).is_inspected;
	if (watched_.erase(process_id))
		bpf_map_delete_elem(map_, &process_id);
	renew_generation();
}

// What it has said last is still copied, until the kernel half forgets it.
void WatchList::note_exit(uint32_t process_id)
{
	const bool is_inspected = at(process_id).is_inspected;

	if (watched_.erase(process_id))
		departed_.push_back({process_id, monotonic_nanos(), is_inspected});
}

void WatchList::expire()
{
	const uint64_t now = monotonic_nanos();

	if (now > afterlife_nanos)
		forget_departed(now - afterlife_nanos);
}

Watching WatchList::at(uint32_t process_id) const
{
	const auto entry = watched_.find(process_id);

	return entry == watched_.end() ? Watching{} : entry->second;
}

void WatchList::forget_departed(uint64_t before_nanos)
{
	while (!departed_.empty() && departed_.front().nanos <= before_nanos) {
		bpf_map_delete_elem(map_, &departed_.front().process_id);
		inspected_ -= departed_.front().is_inspected;
		departed_.pop_front();
		renew_generation();
	}
}

// The kernel half notes on a flow in which generation its owner was not inspected, so as not to look again.
void WatchList::renew_generation()
{
	generation_ = std::max<uint32_t>(generation_ + 1, 1);
	inspection_.generation = inspected_ ? generation_ : 0;
}

} // namespace procnetmon
