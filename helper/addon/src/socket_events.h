// Socket events of watched processes, out of the kernel half's ring buffer.
#pragma once

#include "events.h"

#include <memory>
#include <vector>

struct ring_buffer;

namespace procnetmon {

class SocketEvents {
      public:
	/// Takes the descriptor of the ring buffer's map.
	explicit SocketEvents(int ring);

	/// Readable when there is something to collect.
	int fd() const;
	/// Appends what has come; bounded: false when more may be left.
	bool collect(std::vector<Event> &events);
	/// Records that were not of a known size and kind, since the start.
	uint64_t invalid() const
	{
		return invalid_;
	}

      private:
	static int take(void *self, void *data, size_t size);

	struct Free {
		void operator()(ring_buffer *ring) const;
	};
	std::unique_ptr<ring_buffer, Free> ring_;
	std::vector<Event> *target_ = nullptr;
	size_t taken_ = 0;
	uint64_t invalid_ = 0;
};

} // namespace procnetmon
