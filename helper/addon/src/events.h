// Everything that is reported as it happens.
#pragma once

#include "procnetmon.h"

#include <cstdint>
#include <string>
#include <variant>

namespace procnetmon {

struct ProcessEvent {
	enum class Kind { Fork, Exec, Credentials, Exit };

	Kind kind;
	/// Nanoseconds since boot.
	uint64_t nanos;
	uint32_t process_id;
	/// Of Fork.
	uint32_t child_id = 0;
	/// Of Exit, as the shell counts it: 128 + signal when killed.
	uint32_t status = 0;
};

struct LinkEvent {
	uint32_t index;
	std::string name;
	bool up;
	bool is_removed;
};

/// The process connector overflowed.
struct ProcessEventsLost {};

/// Socket events come as the kernel half wrote them, with a known `kind`.
using Event = std::variant<pnm_event, ProcessEvent, LinkEvent, ProcessEventsLost>;

} // namespace procnetmon
