// Keeps what libbpf has to say for the error message, and off the terminal.
#pragma once

#include <string>

namespace procnetmon {

/// While one lives, libbpf's warnings and the verifier's log are kept: the last lines, in bounded memory.
class LibbpfLog {
      public:
	LibbpfLog();
	~LibbpfLog();
	LibbpfLog(const LibbpfLog &) = delete;
	LibbpfLog &operator=(const LibbpfLog &) = delete;

	/// The last lines, joined by "; ". Empty when libbpf said nothing.
	std::string text() const;
};

/// Stops libbpf from writing to standard error, once and for all.
void silence_libbpf();

} // namespace procnetmon
