// What exists in one network namespace only, for a helper that runs in another one.
#pragma once

#include "file_descriptor.h"

#include <cstdint>
#include <vector>

namespace procnetmon {

/// A netlink socket in the network namespace of a process. Throws where that one may not be entered.
FileDescriptor open_netlink_beside(uint32_t process_id, int protocol, uint32_t groups);

/// The process that runs, its parent, and so on; the first process last.
std::vector<uint32_t> ancestry();

} // namespace procnetmon
