// Follows processes in a thread of its own. A child has to be watched before it says its first word, which
// may be a few milliseconds after its birth: the main loop, busy with JavaScript, is late for that now and
// then.
#pragma once

#include "events.h"
#include "file_descriptor.h"
#include "inheriting_lock.h"
#include "process_connector.h"

#include <uv.h>

#include <vector>

namespace procnetmon {

class ProcessFollower {
      public:
	/// `lock` is held while `connector`, and the watch list behind it, are used. Throws when there can be
	/// no thread.
	ProcessFollower(ProcessConnector &connector, InheritingLock &lock);
	~ProcessFollower();
	ProcessFollower(const ProcessFollower &) = delete;
	ProcessFollower &operator=(const ProcessFollower &) = delete;

	/// Readable when there is something to collect.
	int fd() const
	{
		return news_.get();
	}
	/// Appends what has happened. To be called with the lock held.
	void collect(std::vector<Event> &events);
	/// Keeps the events of processes after `nanos` for the next call. With the lock held since this one.
	void put_back(std::vector<Event> &events, uint64_t nanos);

      private:
	void run();
	void follow();

	ProcessConnector &connector_;
	InheritingLock &lock_;
	FileDescriptor news_;
	FileDescriptor stop_;
	std::vector<Event> pending_;
	uv_thread_t thread_{};
	uv_sem_t started_{};
	bool is_running_ = false;
};

} // namespace procnetmon
