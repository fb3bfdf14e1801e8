// Sockets that were there before the programs were loaded, or that were passed on from process to process.
#pragma once

#include "flow_pool.h"
#include "process_files.h"
#include "programs.h"

#include <map>
#include <unordered_map>
#include <unordered_set>

namespace procnetmon {

class SocketAdoption {
      public:
	SocketAdoption(const Programs &programs, FlowPool &flow_pool)
	    : programs_(programs), flow_pool_(flow_pool)
	{
	}

	/// Makes a process the owner of the sockets that it holds, but for those whose owner lives and holds
	/// them too. Returns how many changed their owner or are new. A call that finds nothing new costs a
	/// directory listing. Throws ESRCH for a process that is gone; EPERM or EACCES where the kernel
	/// refuses to hand a descriptor out, and E2BIG where it has more than are looked at, after all others
	/// were done.
	uint32_t adopt(uint32_t process_id);

      private:
	struct Known {
		uint32_t owner;  ///< 0: it is not one that is counted
		bool is_settled; ///< no further look is needed as long as the owner holds it
	};
	/// Of one process: who owns each socket that it holds, by inode.
	using KnownOwners = std::unordered_map<uint64_t, Known>;
	/// What a process holds, by inode, as far as it may be seen.
	struct Held {
		std::unordered_set<uint64_t> inodes;
		bool are_all;
	};
	/// Looked up once a call, by process.
	using Holders = std::map<uint32_t, Held>;

	struct Adopted {
		Known known;
		bool is_changed;
	};

	/// `was_held`: the process held it at the last look too.
	Adopted adopt_socket(int socket, uint64_t inode, uint32_t process_id, const ProcessIdentity &identity,
			     bool was_held, Holders &holders);
	/// What becomes of the flows of a socket that has another owner from now on.
	enum class Handover {
		None,        ///< it has none
		Whole,       ///< the former owner has not used it
		LikelyWhole, ///< ... as far as the kernel can tell
		FromNowOn,   ///< the former owner keeps what was counted
	};

	/// Whether the owner holds the socket no more and the process does, as of now.
	bool has_been_passed_on(uint32_t owner, uint32_t process_id, uint64_t inode) const;
	Handover judge(int socket, uint32_t evidence) const;
	/// How the next owner is known to be the one.
	uint32_t evidence_after(Handover handover) const;
	void set_owner(int socket, const pnm_owner &owner);
	void track(int socket, uint64_t cookie, uint32_t owner);
	/// Gives a packet socket a flow before it has sent anything: that it receives is not to be seen.
	void show_packet_socket(int socket, uint64_t inode, uint64_t cookie, const pnm_owner &owner);
	/// Ends the flows of packet sockets that a process holds no more. No hook tells of it.
	void close_packet_sockets(uint32_t process_id, const KnownOwners &before, const KnownOwners &after);
	bool holds(uint32_t process_id, uint64_t inode, Holders &holders) const;
	void forget_vanished();

	const Programs &programs_;
	FlowPool &flow_pool_;
	std::unordered_map<uint32_t, KnownOwners> known_;
	/// Cookies of those that have a flow, by inode.
	std::unordered_map<uint64_t, uint64_t> packet_sockets_;
};

} // namespace procnetmon
