#include "network_namespace.h"

#include "error.h"
#include "netlink.h"
#include "process_files.h"

#include <fcntl.h>
#include <sched.h>

#include <charconv>
#include <string>
#include <string_view>

namespace procnetmon {
namespace {

// A process namespace is never that deep; a chain that goes round ends here.
constexpr size_t most_ancestors = 64;

FileDescriptor open_namespace(const std::string &process)
{
	const std::string path = "/proc/" + process + "/ns/net";
	FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));

	if (!file)
		throw KernelError("open(" + path + ")", errno);
	return file;
}

// Puts the calling thread, and no other, into another network namespace for as long as it lives.
class Visit {
      public:
	explicit Visit(uint32_t process_id) : home_(open_namespace("thread-self"))
	{
		const FileDescriptor there = open_namespace(std::to_string(process_id));

		checked(::setns(there.get(), CLONE_NEWNET), "setns");
	}
	Visit(const Visit &) = delete;
	Visit &operator=(const Visit &) = delete;
	~Visit()
	{
		// Whoever could enter the other one can come back to its own.
		::setns(home_.get(), CLONE_NEWNET);
	}

      private:
	FileDescriptor home_;
};

// 0 where there is none, or it may not be seen.
uint32_t parent_of(uint32_t process_id)
{
	static constexpr std::string_view label = "\nPPid:\t";
	std::string status;

	try {
		status = read_file("/proc/" + std::to_string(process_id) + "/status");
	} catch (const KernelError &) {
		return 0;
	}
	const size_t found = status.find(label);
	uint32_t parent = 0;

	if (found != std::string::npos)
		std::from_chars(status.data() + found + label.size(), status.data() + status.size(), parent);
	return parent;
}

} // namespace

FileDescriptor open_netlink_beside(uint32_t process_id, int protocol, uint32_t groups)
{
	const Visit visit(process_id);

	return open_netlink(protocol, groups);
}

std::vector<uint32_t> ancestry()
{
	std::vector<uint32_t> processes;

	for (auto process = static_cast<uint32_t>(::getpid()); process && processes.size() < most_ancestors;
	     process = parent_of(process))
		processes.push_back(process);
	return processes;
}

} // namespace procnetmon
