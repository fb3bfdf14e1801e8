// Fork, exec, exit and change of user or group of watched processes, from the kernel's process connector.
#pragma once

#include "events.h"
#include "file_descriptor.h"
#include "watch_list.h"

#include <map>
#include <vector>

struct proc_event;

namespace procnetmon {

class ProcessConnector {
      public:
	/// `epoll` is where processes are entered whose end is to be collected when they become readable.
	ProcessConnector(WatchList &watch_list, int epoll);
	~ProcessConnector();
	ProcessConnector(const ProcessConnector &) = delete;
	ProcessConnector &operator=(const ProcessConnector &) = delete;

	/// False where the kernel gives no process events to this process: no rights, no connector, a
	/// container.
	bool is_available() const
	{
		return static_cast<bool>(socket_);
	}
	/// Readable when there is something to collect.
	int fd() const
	{
		return socket_.get();
	}
	/// Appends the events of watched processes; bounded, so more may be left. Follows children on the
	/// way.
	void collect(std::vector<Event> &events);
	/// Forgets what is held of a process that is not watched any more.
	void forget(uint32_t process_id);
	/// Children that could not be followed because too many processes are watched.
	uint64_t unfollowed() const
	{
		return unfollowed_;
	}

      private:
	/// The main thread has ended, other threads run on: the process ends with the last of them.
	struct Ending {
		FileDescriptor process;
		uint64_t nanos;
		uint32_t status;
	};

	bool subscribe_beside(uint32_t process_id);
	bool subscribe();
	void handle(const proc_event &event, std::vector<Event> &events);
	void handle_fork(const proc_event &event, std::vector<Event> &events);
	void handle_exit(const proc_event &event, std::vector<Event> &events);
	void collect_endings(std::vector<Event> &events);
	void report_exit(uint32_t process_id, uint64_t nanos, uint32_t status, std::vector<Event> &events);

	WatchList &watch_list_;
	int epoll_;
	FileDescriptor socket_;
	std::map<uint32_t, Ending> endings_;
	uint64_t unfollowed_ = 0;
};

} // namespace procnetmon
