#include "memory.h"

#include "error.h"
#include "process_files.h"

#include <limits.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace procnetmon {
namespace {

// One mapping of /proc/self/smaps.
struct Mapping {
	uintptr_t start = 0;
	uintptr_t end = 0;
	bool is_executable_file = false;
	bool is_read_only = false;
	// Pages that exist in memory or swap only, and would be lost.
	bool has_own_pages = false;
};

std::string executable_path()
{
	char path[PATH_MAX];
	const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));

	return length > 0 ? std::string(path, static_cast<size_t>(length)) : std::string();
}

bool parse_head(const std::string &line, const std::string &executable, Mapping &mapping)
{
	unsigned long start, end;
	char permissions[5];
	int path_offset = 0;

	if (std::sscanf(line.c_str(), "%lx-%lx %4s %*x %*s %*u %n", &start, &end, permissions,
			&path_offset) != 3)
		return false;
	mapping = {start, end,
		   line.compare(static_cast<size_t>(path_offset), std::string::npos, executable) == 0,
		   std::string_view(permissions) == "r--p" || std::string_view(permissions) == "r-xp", false};
	return true;
}

void let_go(const Mapping &mapping)
{
	if (mapping.is_executable_file && mapping.is_read_only && !mapping.has_own_pages)
		::madvise(reinterpret_cast<void *>(mapping.start), mapping.end - mapping.start,
			  MADV_DONTNEED);
}

} // namespace

void trim_memory()
{
	::malloc_trim(0);

	const std::string executable = executable_path();
	const std::string mappings = read_file("/proc/self/smaps");
	Mapping current;

	if (executable.empty())
		return;
	for (size_t start = 0; start < mappings.size();) {
		const size_t end = std::min(mappings.find('\n', start), mappings.size());
		const std::string line = mappings.substr(start, end - start);

		start = end + 1;
		if (parse_head(line, executable, current))
			continue;
		if (line.starts_with("Anonymous:") || line.starts_with("Swap:"))
			current.has_own_pages |= line.find(" 0 kB") == std::string::npos;
		// The last line of a mapping.
		if (line.starts_with("VmFlags:"))
			let_go(current);
	}
}

} // namespace procnetmon
