#include "libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <deque>
#include <string_view>

namespace procnetmon {
namespace {

constexpr size_t lines_kept = 24;
constexpr size_t line_bytes_kept = 200;

// libbpf has one print function for the whole process, and no context for it.
bool is_recording;
std::deque<std::string> lines;

void record(std::string_view text)
{
	while (!text.empty()) {
		const size_t end = std::min(text.find('\n'), text.size());
		const std::string_view line = text.substr(0, std::min(end, line_bytes_kept));

		if (line.find_first_not_of(" \t\r") != std::string_view::npos)
			lines.emplace_back(line);
		if (lines.size() > lines_kept)
			lines.pop_front();
		text.remove_prefix(std::min(end + 1, text.size()));
	}
}

int print(libbpf_print_level level, const char *format, va_list arguments)
{
	if (!is_recording || level != LIBBPF_WARN)
		return 0;
	char *text = nullptr;
	const int length = vasprintf(&text, format, arguments);

	if (length > 0)
		record({text, static_cast<size_t>(length)});
	if (length >= 0)
		free(text);
	return 0;
}

} // namespace

void silence_libbpf()
{
	libbpf_set_print(print);
}

LibbpfLog::LibbpfLog()
{
	lines.clear();
	is_recording = true;
}

LibbpfLog::~LibbpfLog()
{
	is_recording = false;
	lines.clear();
}

std::string LibbpfLog::text() const
{
	std::string joined;

	for (const std::string &line : lines) {
		if (!joined.empty())
			joined += "; ";
		joined += line;
	}
	return joined;
}

} // namespace procnetmon
