// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel half: who owns a socket, and what passes it. The programs are in a header for each kind of hook.
 *
 * Ownership comes from hooks that run in the caller's own context (cgroup sock_create and connect); counting
 * from tc, which sees packets as the interface carries them, and from cgroup_skb for what tc cannot
 * attribute. Only stable interfaces are used: no kernel structs, no kprobes, no tracing programs, so one
 * object serves every kernel from 5.10 on, a locked-down one too. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hook_cgroup_skb.h"
#include "hook_cgroup_sock.h"
#include "hook_sock_ops.h"
#include "hook_tc.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
