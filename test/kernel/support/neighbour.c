/* Another tool with programs in the kernel, which count the packets that they see.
 *
 *   neighbour tcx DEVICE      tcx links at both directions, which end the chain (TCX_PASS)
 *   neighbour cgroup FOLDER   links at both directions of a control group's sockets
 *   neighbour callbacks FOLDER  link at a control group's TCP connections, which asks for a callback of its
 * own and lets go of those that were asked for before; counts them as sent neighbour filters FOLDER  pins
 * FOLDER/egress and FOLDER/ingress for `tc filter add ... bpf direct-action object-pinned`; they have the
 * next filter decide (TC_ACT_UNSPEC)
 *
 * Prints {"port":0} when all is in place, and {"sent","received"} in packets when its input has ended. */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>

/* Older headers have no name for them. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

static int checked(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
	return (int)result;
}

static int bpf(int command, union bpf_attr *attributes, const char *what)
{
	return checked(syscall(SYS_bpf, command, attributes, sizeof(*attributes)), what);
}

static int make_counter(void)
{
	union bpf_attr attributes = {
	    .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

	return bpf(BPF_MAP_CREATE, &attributes, "BPF_MAP_CREATE");
}

static uint64_t value_of(int counter)
{
	uint32_t key = 0;
	uint64_t value = 0;
	union bpf_attr attributes = {
	    .map_fd = (uint32_t)counter, .key = (uintptr_t)&key, .value = (uintptr_t)&value};

	bpf(BPF_MAP_LOOKUP_ELEM, &attributes, "BPF_MAP_LOOKUP_ELEM");
	return value;
}

static int load_instructions(uint32_t type, uint32_t attach_type, const struct bpf_insn *instructions,
			     size_t count)
{
	static char log[65536];
	union bpf_attr attributes = {
	    .prog_type = type,
	    .expected_attach_type = attach_type,
	    .insn_cnt = (uint32_t)count,
	    .insns = (uintptr_t)instructions,
	    .license = (uintptr_t) "GPL",
	    .log_level = 1,
	    .log_buf = (uintptr_t)log,
	    .log_size = sizeof(log),
	    .prog_name = "neighbour",
	};

	return bpf(BPF_PROG_LOAD, &attributes, log);
}

/* Instructions that find a counter's value: R0, or 0. */
#define FIND_VALUE_OF(counter)                                                                               \
	{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4, .imm = 0},                      \
	    {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10},              \
	    {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4},                          \
	    {.code = BPF_LD | BPF_DW | BPF_IMM,                                                              \
	     .dst_reg = BPF_REG_1,                                                                           \
	     .src_reg = BPF_PSEUDO_MAP_FD,                                                                   \
	     .imm = counter},                                                                                \
	    {.code = 0},                                                                                     \
	{                                                                                                    \
		.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem                                  \
	}

/* Adds R1 to the value at R0. */
#define ADD_TO_VALUE                                                                                         \
	{                                                                                                    \
		.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1,           \
		.imm = BPF_ADD                                                                               \
	}

/* A program that adds a packet, or the segments of a bundle, to a counter and gives an answer. */
static int load(uint32_t type, uint32_t attach_type, int counter, int answer)
{
	const struct bpf_insn instructions[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
	    FIND_VALUE_OF(counter),
	    {.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 4, .imm = 0},
	    {.code = BPF_LDX | BPF_MEM | BPF_W,
	     .dst_reg = BPF_REG_1,
	     .src_reg = BPF_REG_6,
	     .off = offsetof(struct __sk_buff, gso_segs)},
	    {.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_1, .off = 1, .imm = 0},
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1},
	    ADD_TO_VALUE,
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = answer},
	    {.code = BPF_JMP | BPF_EXIT},
	};

	return load_instructions(type, attach_type, instructions,
				 sizeof(instructions) / sizeof(*instructions));
}

/* A program that, once a connection is established, has the kernel call for retransmissions and nothing else.
 */
static int load_callbacks(int counter)
{
	const struct bpf_insn instructions[] = {
	    {.code = BPF_LDX | BPF_MEM | BPF_W,
	     .dst_reg = BPF_REG_2,
	     .src_reg = BPF_REG_1,
	     .off = offsetof(struct bpf_sock_ops, op)},
	    {.code = BPF_JMP | BPF_JEQ | BPF_K,
	     .dst_reg = BPF_REG_2,
	     .off = 1,
	     .imm = BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB},
	    {.code = BPF_JMP | BPF_JNE | BPF_K,
	     .dst_reg = BPF_REG_2,
	     .off = 11,
	     .imm = BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB},
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = BPF_SOCK_OPS_RETRANS_CB_FLAG},
	    {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_sock_ops_cb_flags_set},
	    FIND_VALUE_OF(counter),
	    {.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2, .imm = 0},
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1},
	    ADD_TO_VALUE,
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
	    {.code = BPF_JMP | BPF_EXIT},
	};

	return load_instructions(BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, instructions,
				 sizeof(instructions) / sizeof(*instructions));
}

static void link_to(int program, int target, uint32_t attach_type)
{
	union bpf_attr attributes = {.link_create = {.prog_fd = (uint32_t)program,
						     .target_fd = (uint32_t)target,
						     .attach_type = attach_type}};

	bpf(BPF_LINK_CREATE, &attributes, "BPF_LINK_CREATE");
}

static void pin(int program, const char *folder, const char *name)
{
	char path[4096];
	union bpf_attr attributes = {.pathname = (uintptr_t)path, .bpf_fd = (uint32_t)program};

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	bpf(BPF_OBJ_PIN, &attributes, path);
}

int main(int count, char **arguments)
{
	if (count != 3)
		return 2;
	const char *kind = arguments[1];
	const char *place = arguments[2];
	/* Below Linux 5.11 programs and maps count as locked memory, also those that just went. Where the
	 * limit may not be raised, what is made next says whether it is too low. */
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
	const int sent = make_counter();
	const int received = make_counter();

	if (!strcmp(kind, "tcx")) {
		const int device = checked(if_nametoindex(place) ? (int)if_nametoindex(place) : -1, place);

		link_to(load(BPF_PROG_TYPE_SCHED_CLS, 0, sent, 0), device, TCX_EGRESS);
		link_to(load(BPF_PROG_TYPE_SCHED_CLS, 0, received, 0), device, TCX_INGRESS);
	} else if (!strcmp(kind, "cgroup")) {
		const int folder = checked(open(place, O_RDONLY | O_DIRECTORY), place);

		link_to(load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, sent, 1), folder,
			BPF_CGROUP_INET_EGRESS);
		link_to(load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, received, 1), folder,
			BPF_CGROUP_INET_INGRESS);
	} else if (!strcmp(kind, "callbacks")) {
		const int folder = checked(open(place, O_RDONLY | O_DIRECTORY), place);

		link_to(load_callbacks(sent), folder, BPF_CGROUP_SOCK_OPS);
	} else {
		pin(load(BPF_PROG_TYPE_SCHED_CLS, 0, sent, -1), place, "egress");
		pin(load(BPF_PROG_TYPE_SCHED_CLS, 0, received, -1), place, "ingress");
	}
	puts("{\"port\":0}");
	fflush(stdout);
	while (getchar() != EOF)
		;
	printf("{\"sent\":%llu,\"received\":%llu}\n", (unsigned long long)value_of(sent),
	       (unsigned long long)value_of(received));
	return 0;
}
