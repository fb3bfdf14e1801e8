/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What keeps the kernel half cheap to verify. The verifier follows every way through a program. Where two
 * ways meet it goes on only once, provided that it knows the same on both. Three means see to that:
 *
 * - What a way has found out is made unknown again before the ways meet: `forgotten`.
 * - What is not done for every packet is a function that is not inlined: `STEP`. When it returns, nothing is
 *   left of its ways but what it returns and what it wrote.
 * - Several comparisons with one outcome are one comparison, of differences that are joined by `|`.
 *
 * Verifiers below 6.4 need it most: in a program with functions they take every value that they know for one
 * that matters. And below 6.6 whatever follows the look-up of a socket is followed anew for each way there,
 * so that no way may part shortly before it. docs/kernels.md tells how to see what a change costs. */
#ifndef PROCNETMON_VERIFIER_H
#define PROCNETMON_VERIFIER_H

#include <linux/types.h>

/* `used` has the compiler leave the function as it is written: it would drop a result that nobody needs, and
 * what is in the register then may be nothing that the verifier lets a function return. */
#define STEP static __attribute__((noinline, used))

/* Always 0, which the verifier does not know. */
__u64 unknown_zero = 0;

/* Keeps the compiler from knowing what a variable holds, and with that from going on by itself for each
 * value.
 */
#define BPF_VARIABLE(variable) asm volatile("" : "+r"(variable))

/* The same value, of which the verifier knows nothing. */
static inline __attribute__((always_inline)) __u64 forgotten(__u64 value)
{
	BPF_VARIABLE(value);
	value += *(volatile __u64 *)&unknown_zero;
	BPF_VARIABLE(value);
	return value;
}

#endif
