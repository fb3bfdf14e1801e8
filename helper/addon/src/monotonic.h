// The clock of every time stamp.
#pragma once

#include <cstdint>
#include <ctime>

namespace procnetmon {

/// Nanoseconds since boot: CLOCK_MONOTONIC, as bpf_ktime_get_ns() counts.
inline uint64_t monotonic_nanos()
{
	timespec now{};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace procnetmon
