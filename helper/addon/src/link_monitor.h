// Reports interfaces that appear, vanish, change their name, go up or down.
#pragma once

#include "events.h"
#include "file_descriptor.h"
#include "links.h"

#include <vector>

namespace procnetmon {

class LinkMonitor {
      public:
	/// Changes from now on are reported.
	LinkMonitor();

	/// Readable when there is something to collect.
	int fd() const
	{
		return socket_.get();
	}
	/// Appends what changed since the last call; bounded, so more may be left.
	void collect(std::vector<Event> &events);

      private:
	void apply(const LinkChange &change, std::vector<Event> &events);
	void compare_with_kernel(std::vector<Event> &events);

	FileDescriptor socket_;
	std::map<uint32_t, Link> known_;
};

} // namespace procnetmon
