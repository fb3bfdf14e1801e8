#include "watch_list.h"

#include "error.h"
#include "monotonic.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <limits>

namespace procnetmon {
namespace {

// Connections of a process that ended close within a round trip or are retried; this covers the former.
constexpr uint64_t afterlife_nanos = 2'000'000'000;

} // namespace

void WatchList::add(uint32_t process_id, bool follow_children)
{
	const uint32_t present = 1;
	int result = bpf_map_update_elem(map_, &process_id, &present, BPF_ANY);

	if (result && errno == E2BIG && !departed_.empty()) {
		forget_departed(std::numeric_limits<uint64_t>::max());
		result = bpf_map_update_elem(map_, &process_id, &present, BPF_ANY);
	}
	if (result)
		throw KernelError("watch", errno == E2BIG ? ENOSPC : errno,
				  "process " + std::to_string(process_id));
	// The id may have been used before, by a process that is gone.
	std::erase_if(departed_,
		      [&](const Departure &departure) { return departure.process_id == process_id; });
	follow_children_[process_id] = follow_children;
}

void WatchList::remove(uint32_t process_id)
{
	if (follow_children_.erase(process_id))
		bpf_map_delete_elem(map_, &process_id);
}

void WatchList::note_exit(uint32_t process_id)
{
	if (follow_children_.erase(process_id))
		departed_.push_back({process_id, monotonic_nanos()});
}

void WatchList::expire()
{
	const uint64_t now = monotonic_nanos();

	if (now > afterlife_nanos)
		forget_departed(now - afterlife_nanos);
}

bool WatchList::follows_children(uint32_t process_id) const
{
	const auto entry = follow_children_.find(process_id);

	return entry != follow_children_.end() && entry->second;
}

void WatchList::forget_departed(uint64_t before_nanos)
{
	while (!departed_.empty() && departed_.front().nanos <= before_nanos) {
		bpf_map_delete_elem(map_, &departed_.front().process_id);
		departed_.pop_front();
	}
}

} // namespace procnetmon
