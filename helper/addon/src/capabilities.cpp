#include "capabilities.h"

#include "error.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace procnetmon {
namespace {

constexpr const char *names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};
static_assert(std::size(names) == 41);

constexpr uint32_t low(uint64_t set)
{
	return static_cast<uint32_t>(set);
}

constexpr uint32_t high(uint64_t set)
{
	return static_cast<uint32_t>(set >> 32);
}

constexpr uint64_t join(uint32_t low, uint32_t high)
{
	return uint64_t{high} << 32 | low;
}

} // namespace

CapabilitySets capability_sets()
{
	__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
	__user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};

	checked(static_cast<int>(::syscall(SYS_capget, &header, data)), "capget");
	return {join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
		join(data[0].inheritable, data[1].inheritable)};
}

int set_capability_sets(const CapabilitySets &sets)
{
	__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
	const __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
	    {low(sets.effective), low(sets.permitted), low(sets.inheritable)},
	    {high(sets.effective), high(sets.permitted), high(sets.inheritable)},
	};

	return ::syscall(SYS_capset, &header, data) ? errno : 0;
}

std::vector<std::string> capability_names(uint64_t set)
{
	std::vector<std::string> result;

	for (size_t number = 0; number < 64; number++)
		if (set >> number & 1)
			result.push_back("cap_" + (number < std::size(names) ? std::string(names[number])
									     : std::to_string(number)));
	return result;
}

uint64_t capability_set(const std::vector<std::string> &wanted)
{
	uint64_t set = 0;

	for (const std::string &name : wanted) {
		const auto *const found =
		    std::find_if(std::begin(names), std::end(names),
				 [&](const char *known) { return name == std::string("cap_") + known; });

		if (found == std::end(names))
			throw KernelError("capability", EINVAL, name);
		set |= capability_bit(static_cast<int>(found - std::begin(names)));
	}
	return set;
}

bool has_no_new_privileges()
{
	return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

} // namespace procnetmon
