// Which processes are watched: here, and in the map by which the kernel half knows.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

namespace procnetmon {

class WatchList {
      public:
	/// Takes the descriptor of the map `watched`.
	explicit WatchList(int map) : map_(map)
	{
	}

	/// Watching again changes `follow_children`. Throws ENOSPC when PNM_WATCH_CAPACITY processes are
	/// watched.
	void add(uint32_t process_id, bool follow_children);
	void remove(uint32_t process_id);
	/// The process is gone. Its sockets may have things to say yet, so the kernel half forgets it a bit
	/// later.
	void note_exit(uint32_t process_id);
	/// Lets the kernel half forget processes that are gone for long enough. To be called now and then.
	void expire();

	bool contains(uint32_t process_id) const
	{
		return follow_children_.contains(process_id);
	}
	bool follows_children(uint32_t process_id) const;

      private:
	struct Departure {
		uint32_t process_id;
		uint64_t nanos;
	};

	void forget_departed(uint64_t before_nanos);

	int map_;
	std::unordered_map<uint32_t, bool> follow_children_;
	/// Oldest first.
	std::deque<Departure> departed_;
};

} // namespace procnetmon
