// Capability sets of the calling thread, by number and by name.
#pragma once

#include <linux/capability.h>

#include <cstdint>
#include <string>
#include <vector>

// Younger than the oldest kernel headers in use.
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

namespace procnetmon {

constexpr uint64_t capability_bit(int capability)
{
	return uint64_t{1} << capability;
}

struct CapabilitySets {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

CapabilitySets capability_sets();
/// Returns 0, or an errno. Fit for a signal handler.
int set_capability_sets(const CapabilitySets &sets);

/// `cap_net_admin`, ...; `cap_63` for one that has no name yet.
std::vector<std::string> capability_names(uint64_t set);

/// The set of these names; throws EINVAL for one that is none.
uint64_t capability_set(const std::vector<std::string> &names);

bool has_no_new_privileges();

} // namespace procnetmon
