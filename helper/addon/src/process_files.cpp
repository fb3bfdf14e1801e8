#include "process_files.h"

#include "error.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include <charconv>
#include <memory>
#include <string_view>

namespace procnetmon {
namespace {

struct CloseFolder {
	void operator()(DIR *folder) const
	{
		::closedir(folder);
	}
};

std::string proc_path(uint32_t process_id, const char *entry)
{
	return "/proc/" + std::to_string(process_id) + "/" + entry;
}

template <typename T> bool parse_number(std::string_view text, T &number)
{
	const auto result = std::from_chars(text.data(), text.data() + text.size(), number);

	return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// "socket:[1234]"
bool parse_socket_link(std::string_view target, uint64_t &inode)
{
	constexpr std::string_view prefix = "socket:[";

	if (!target.starts_with(prefix) || !target.ends_with(']'))
		return false;
	target.remove_prefix(prefix.size());
	target.remove_suffix(1);
	return parse_number(target, inode);
}

} // namespace

FileDescriptor open_process(uint32_t process_id)
{
	return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, process_id, 0)));
}

bool is_process_over(int process)
{
	pollfd ended{process, POLLIN, 0};

	return ::poll(&ended, 1, 0) > 0;
}

std::vector<uint32_t> numbered_entries(const std::string &folder, size_t most)
{
	const std::unique_ptr<DIR, CloseFolder> entries(::opendir(folder.c_str()));
	std::vector<uint32_t> numbers;

	if (!entries)
		throw KernelError("opendir(" + folder + ")", errno == ENOENT ? ESRCH : errno);
	while (numbers.size() < most) {
		const dirent *entry = ::readdir(entries.get());
		uint32_t number;

		if (!entry)
			break;
		if (parse_number(entry->d_name, number))
			numbers.push_back(number);
	}
	return numbers;
}

OpenSockets open_sockets(uint32_t process_id)
{
	const std::string folder = proc_path(process_id, "fd");
	std::vector<uint32_t> descriptors = numbered_entries(folder, most_descriptors + 1);
	OpenSockets open{{}, descriptors.size() <= most_descriptors};

	if (!open.are_all)
		descriptors.pop_back();
	for (const uint32_t descriptor : descriptors) {
		const std::string path = folder + "/" + std::to_string(descriptor);
		char target[64];
		const ssize_t length = ::readlink(path.c_str(), target, sizeof(target));
		OpenSocket socket{static_cast<int>(descriptor), 0};

		// A descriptor that was closed meanwhile has no target.
		if (length > 0 && parse_socket_link({target, static_cast<size_t>(length)}, socket.inode))
			open.sockets.push_back(socket);
	}
	return open;
}

std::string read_file(const std::string &path)
{
	const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string content;
	char part[4096];

	if (!file)
		throw KernelError("open(" + path + ")", errno);
	for (;;) {
		const ssize_t length = ::read(file.get(), part, sizeof(part));

		if (length < 0)
			throw KernelError("read(" + path + ")", errno);
		if (length == 0)
			return content;
		content.append(part, static_cast<size_t>(length));
	}
}

ProcessIdentity identify(uint32_t process_id)
{
	ProcessIdentity identity{};

	try {
		const std::string status = read_file(proc_path(process_id, "status"));
		const size_t line = status.find("\nUid:\t");

		if (line != std::string::npos) {
			const size_t start = line + 6;

			parse_number(std::string_view(status).substr(start, status.find('\t', start) - start),
				     identity.user_id);
		}
		// Not from `status`, which escapes what is in the name.
		identity.name = read_file(proc_path(process_id, "comm"));
	} catch (const KernelError &error) {
		throw KernelError(error.operation(), error.error() == ENOENT ? ESRCH : error.error());
	}
	if (identity.name.ends_with('\n'))
		identity.name.pop_back();
	return identity;
}

} // namespace procnetmon
