// Everything that is held of the kernel while a helper runs, put together. Free of JavaScript.
#pragma once

#include "events.h"
#include "flow_pool.h"
#include "inheriting_lock.h"
#include "link_monitor.h"
#include "payload_samples.h"
#include "process_connector.h"
#include "process_follower.h"
#include "programs.h"
#include "socket_adoption.h"
#include "socket_events.h"
#include "traffic_hooks.h"
#include "watch_list.h"

#include <string>
#include <vector>

namespace procnetmon {

struct Interface {
	Link link;
	bool attached;
};

struct Overflow {
	pnm_overflow_key key;
	pnm_overflow value;
};

struct Statistics {
	uint64_t dropped_events;
	uint64_t dropped_flows;
	uint64_t dropped_processes;
	uint64_t samples;
	uint64_t dropped_samples;
	uint64_t skipped_messages;
	uint64_t overflow_updates;
};

/// Opening that fails half-way takes everything back. Destruction detaches and unloads.
class Kernel {
      public:
	/// `only_user` as for Programs.
	Kernel(const std::string &cgroup, Attachment attachment, uint32_t only_user);

	Attachment attachment() const
	{
		return hooks_.attachment();
	}
	bool has_process_events() const
	{
		return process_connector_.is_available();
	}

	std::vector<Interface> interfaces() const;
	void attach_interface(uint32_t index)
	{
		hooks_.attach(index);
	}
	void detach_interface(uint32_t index)
	{
		hooks_.detach(index);
	}

	/// Throws ESRCH for a process that is gone.
	void watch(uint32_t process_id, Watching watching);
	void unwatch(uint32_t process_id);

	FlowPool &flow_pool()
	{
		return flow_pool_;
	}
	SocketAdoption &socket_adoption()
	{
		return socket_adoption_;
	}
	std::vector<Overflow> overflow() const;
	Statistics statistics() const;

	/// Readable when there is something to collect.
	int fd() const
	{
		return epoll_.get();
	}
	/// Takes what has happened, in order of time; bounded, so more may be left.
	std::vector<Event> collect();
	/// Takes the payload that was copied, in order; bounded, so more may be left.
	std::vector<PayloadSample> collect_samples()
	{
		return payload_samples_.collect();
	}

      private:
	// In order of construction; destruction goes the other way round: tc hooks before cgroup hooks before
	// maps.
	Programs programs_;
	FlowPool flow_pool_;
	FileDescriptor epoll_;
	SocketEvents socket_events_;
	PayloadSamples payload_samples_;
	LinkMonitor link_monitor_;
	/// For the watch list and the process connector, which the follower's thread uses too.
	mutable InheritingLock processes_lock_;
	WatchList watch_list_;
	ProcessConnector process_connector_;
	ProcessFollower process_follower_;
	SocketAdoption socket_adoption_;
	TrafficHooks hooks_;
};

} // namespace procnetmon
