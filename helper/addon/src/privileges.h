// Gives rights up, for good.
#pragma once

#include "capabilities.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace procnetmon {

struct DropRequest {
	uid_t uid;
	gid_t gid;
	std::vector<gid_t> groups;
	/// Keeps CAP_SYS_PTRACE beside CAP_BPF and CAP_NET_ADMIN.
	bool keep_ptrace;
};

/// Lets the calling thread keep these capabilities when another one gives the rights of all threads up. For
/// one thread: the latest that called this.
void keep_in_this_thread(uint64_t capabilities);

/// Changes user and groups, keeps CAP_BPF and CAP_NET_ADMIN in the calling thread and nothing in any other,
/// but for what `keep_in_this_thread` says. No exec brings rights back, and nothing of this process's memory
/// can be read by other processes of the user. Reads everything back, and throws when anything is left that
/// should not be: the process must end then.
///
/// Afterwards `/proc/self` belongs to root, since the process may not be dumped. What the kernel lets every
/// process read of itself stays readable (`fd`, `fdinfo`, `maps`, `smaps`, `status`, `mountinfo`, `exe`);
/// what is for the owner only does not (`environ`, `auxv`, `mem`).
void drop_privileges(const DropRequest &request);

/// As long as it lives, the calling thread has no effective capability: what it opens, its user may open.
class WithoutCapabilities {
      public:
	WithoutCapabilities();
	~WithoutCapabilities();
	WithoutCapabilities(const WithoutCapabilities &) = delete;
	WithoutCapabilities &operator=(const WithoutCapabilities &) = delete;

      private:
	CapabilitySets before_;
};

/// Supplementary groups of a user, as initgroups(3) would set them. Unknown users have `gid` only.
std::vector<gid_t> groups_of(const std::string &user_name, gid_t gid);

} // namespace procnetmon
