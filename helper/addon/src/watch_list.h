// Which processes are watched: here, and in the map by which the kernel half knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

struct pnm_inspection;

namespace procnetmon {

/// How a process is watched.
struct Watching {
	bool follows_children = false;
	/// The kernel half may copy payload.
	bool is_inspected = false;
};

class WatchList {
      public:
	/// Takes the descriptor of the map `watched`, and where the kernel half looks whether anyone is
	/// inspected.
	WatchList(int map, volatile pnm_inspection &inspection) : map_(map), inspection_(inspection)
	{
	}

	/// Watching again changes how. Throws ENOSPC when PNM_WATCH_CAPACITY processes are watched.
	void add(uint32_t process_id, Watching watching);
	void remove(uint32_t process_id);
	/// The process is gone. Its sockets may have things to say yet, so the kernel half forgets it a bit
	/// later.
	void note_exit(uint32_t process_id);
	/// Lets the kernel half forget processes that are gone for long enough. To be called now and then.
	void expire();

	bool contains(uint32_t process_id) const
	{
		return watched_.contains(process_id);
	}
	/// How a process is watched that is.
	Watching at(uint32_t process_id) const;

      private:
	struct Departure {
		uint32_t process_id;
		uint64_t nanos;
		bool is_inspected;
	};

	void forget_departed(uint64_t before_nanos);
	void renew_generation();

	int map_;
	volatile pnm_inspection &inspection_;
	std::unordered_map<uint32_t, Watching> watched_;
	/// How many of them are inspected.
	std::size_t inspected_ = 0;
	uint32_t generation_ = 0;
	/// Oldest first.
	std::deque<Departure> departed_;
};

} // namespace procnetmon
