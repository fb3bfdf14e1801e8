// What /proc and pidfds tell of other processes.
#pragma once

#include "file_descriptor.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace procnetmon {

/// A pidfd; empty, with errno, where there is no such process.
FileDescriptor open_process(uint32_t process_id);
/// Whether every thread of a process has ended.
bool is_process_over(int process);

struct OpenSocket {
	/// The descriptor's number in the process that holds it.
	int descriptor;
	/// The socket's inode number, the same for everybody who holds it.
	uint64_t inode;
};

struct OpenSockets {
	std::vector<OpenSocket> sockets;
	/// False where the process has so many descriptors that only the lower ones were looked at.
	bool are_all;
};

/// How many descriptors of a process are looked at: each takes a system call, and a process may have as many
/// as it likes.
constexpr size_t most_descriptors = 16384;

/// Sockets of every family that a process holds. Throws ESRCH, or EACCES where they may not be seen.
OpenSockets open_sockets(uint32_t process_id);

/// Real user id and `comm` of a process. Throws ESRCH.
struct ProcessIdentity {
	uid_t user_id;
	std::string name;
};
ProcessIdentity identify(uint32_t process_id);

/// Everything in a file of /proc. Throws when it cannot be read.
std::string read_file(const std::string &path);

/// Names in a folder that are numbers: thread ids, descriptors. At most so many, those that come first.
std::vector<uint32_t> numbered_entries(const std::string &folder, size_t most = SIZE_MAX);

} // namespace procnetmon
