/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What programs of a cgroup return: they only look. */
#ifndef PROCNETMON_HOOK_VERDICT_H
#define PROCNETMON_HOOK_VERDICT_H

#define CGROUP_ALLOW 1

#endif
