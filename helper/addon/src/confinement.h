// What the process may still ask of the kernel once it counts.
#pragma once

#include <sys/types.h>

namespace procnetmon {

/// Lets every thread of the process, for good, make only the system calls that counting takes; all others
/// fail with EPERM. Afterwards nothing is executed, no process is made, no file is opened for writing, made,
/// renamed or removed, no socket but netlink's is opened, no BPF program is loaded and no map made, and no
/// process is signalled but this one and `child` (0 for none). What was opened before stays of use.
///
/// Needs no-new-privileges, see `drop_privileges`. Throws where the kernel has no seccomp filters.
void confine(pid_t child);

} // namespace procnetmon
