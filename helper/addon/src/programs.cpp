#include "programs.h"

#include "error.h"
#include "libbpf_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sockios.h>
#include <procnetmon.skel.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <iterator>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace procnetmon {
namespace {

constexpr long cgroup2_magic = 0x63677270;

FileDescriptor own_socket()
{
	return FileDescriptor(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket(AF_INET)"));
}

// The cookie of a socket's network namespace; 0 where the kernel cannot tell (below 5.14).
uint64_t network_namespace_of(int socket)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (::getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) || length != sizeof(cookie))
		return 0;
	return cookie;
}

// The inode number of a socket's network namespace; 0 where it may not be asked for.
uint64_t network_namespace_inode_of(int socket)
{
	const FileDescriptor there(::ioctl(socket, SIOCGSKNS));

	return there ? inode_of(there.get()) : 0;
}

// Whether a program of cgroup_skb may ask for the running process: tried, because kernels do not tell.
bool tells_sender()
{
	const bpf_insn instructions[] = {
	    {.code = BPF_JMP | BPF_CALL,
	     .dst_reg = 0,
	     .src_reg = 0,
	     .off = 0,
	     .imm = BPF_FUNC_get_current_pid_tgid},
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
	    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
	};
	const FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "asks_for_sender", "GPL",
						   instructions, std::size(instructions), nullptr));

	return static_cast<bool>(program);
}

// Whether a program of sock_ops may go from a path of MPTCP to the program's own socket: tried likewise.
bool tells_mptcp_socket()
{
	const bpf_insn instructions[] = {
	    {.code = BPF_LDX | BPF_MEM | BPF_DW,
	     .dst_reg = BPF_REG_1,
	     .src_reg = BPF_REG_1,
	     .off = offsetof(bpf_sock_ops, sk),
	     .imm = 0},
	    {.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_1, .src_reg = 0, .off = 1, .imm = 0},
	    {.code = BPF_JMP | BPF_CALL,
	     .dst_reg = 0,
	     .src_reg = 0,
	     .off = 0,
	     .imm = BPF_FUNC_skc_to_mptcp_sock},
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
	    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
	};
	const FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_SOCK_OPS, "asks_for_mptcp", "GPL",
						   instructions, std::size(instructions), nullptr));

	return static_cast<bool>(program);
}

// Kernels without IPsec do not have the question.
bool tells_association()
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_skb_get_xfrm_state, nullptr) == 1;
}

// The root of the hierarchy, mounted for this process alone and at no place. Through the system calls
// themselves: the C library has them only from 2.36 on.
FileDescriptor mount_cgroup()
{
	const FileDescriptor context(static_cast<int>(::syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC)));

	checked(context.get(), "fsopen(cgroup2)");
	checked(static_cast<int>(
		    ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)),
		"fsconfig(cgroup2)");
	const FileDescriptor mount(
	    static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));

	checked(mount.get(), "fsmount(cgroup2)");
	return FileDescriptor(
	    checked(::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "openat(cgroup2)"));
}

FileDescriptor open_cgroup(const std::string &folder)
{
	if (folder.empty())
		return mount_cgroup();
	FileDescriptor cgroup(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!cgroup)
		throw KernelError("open(" + folder + ")", errno);
	struct statfs file_system;

	checked(::fstatfs(cgroup.get(), &file_system), "fstatfs");
	if (file_system.f_type != cgroup2_magic)
		throw KernelError("open(" + folder + ")", EINVAL, "no cgroup v2 folder");
	return cgroup;
}

// libbpf raises RLIMIT_MEMLOCK by itself where the kernel still charges maps to it (below 5.11). The command
// that is started afterwards is not to inherit that.
class MemoryLimit {
      public:
	MemoryLimit()
	{
		checked(::getrlimit(RLIMIT_MEMLOCK, &before_), "getrlimit");
	}
	~MemoryLimit()
	{
		::setrlimit(RLIMIT_MEMLOCK, &before_);
	}
	MemoryLimit(const MemoryLimit &) = delete;
	MemoryLimit &operator=(const MemoryLimit &) = delete;

      private:
	rlimit before_;
};

} // namespace

void Programs::Destroy::operator()(procnetmon_bpf *skeleton) const
{
	procnetmon_bpf__destroy(skeleton);
}

Programs::Programs(uint32_t only_user)
{
	const LibbpfLog log;
	const FileDescriptor socket = own_socket();
	// To ask what the kernel has raises it too.
	const MemoryLimit limit;

	skeleton_.reset(procnetmon_bpf__open());
	if (!skeleton_)
		throw KernelError("bpf_object__open", errno, log.text());
	skeleton_->rodata->settings = {
	    .network_namespace = network_namespace_of(socket.get()),
	    .mark_low = marks_.low(),
	    .mark_high = marks_.high(),
	    .tells_sender = tells_sender(),
	    .tells_mptcp_socket = tells_mptcp_socket(),
	    .tells_association = tells_association(),
	    .helper_process_id = static_cast<__u32>(::getpid()),
	    .only_user = only_user,
	};
	const int result = procnetmon_bpf__load(skeleton_.get());

	if (result)
		throw KernelError("bpf(BPF_PROG_LOAD)", -result, log.text());
	if (!settings().network_namespace)
		home_inode_ = network_namespace_inode_of(socket.get());
}

Programs::~Programs() = default;

bool Programs::is_foreign(int socket) const
{
	const uint64_t home = home_inode_ ? home_inode_ : settings().network_namespace;
	const uint64_t there =
	    home_inode_ ? network_namespace_inode_of(socket) : network_namespace_of(socket);

	return there && there != home;
}

void Programs::attach_cgroup(const std::string &folder)
{
	const FileDescriptor cgroup = open_cgroup(folder);
	const auto &programs = skeleton_->progs;
	const struct {
		const bpf_program *program;
		bpf_attach_type type;
	} hooks[] = {
	    // Owners first, traffic last: no packet is seen of a socket that could have had an owner.
	    {programs.socket_created, BPF_CGROUP_INET_SOCK_CREATE},
	    {programs.bind4, BPF_CGROUP_INET4_BIND},
	    {programs.bind6, BPF_CGROUP_INET6_BIND},
	    {programs.connect4, BPF_CGROUP_INET4_CONNECT},
	    {programs.connect6, BPF_CGROUP_INET6_CONNECT},
	    {programs.sendmsg4, BPF_CGROUP_UDP4_SENDMSG},
	    {programs.sendmsg6, BPF_CGROUP_UDP6_SENDMSG},
	    {programs.getpeername4, BPF_CGROUP_INET4_GETPEERNAME},
	    {programs.getpeername6, BPF_CGROUP_INET6_GETPEERNAME},
	    {programs.tcp_progress, BPF_CGROUP_SOCK_OPS},
	    {programs.socket_released, BPF_CGROUP_INET_SOCK_RELEASE},
	    {programs.packet_out, BPF_CGROUP_INET_EGRESS},
	    {programs.packet_in, BPF_CGROUP_INET_INGRESS},
	};

	for (const auto &hook : hooks) {
		FileDescriptor link(
		    bpf_link_create(bpf_program__fd(hook.program), cgroup.get(), hook.type, nullptr));

		if (!link)
			throw KernelError("bpf(BPF_LINK_CREATE)", errno,
					  std::string(bpf_program__name(hook.program)) + " at " + folder);
		cgroup_links_.push_back(std::move(link));
	}
}

int Programs::count_egress() const
{
	return bpf_program__fd(skeleton_->progs.count_egress);
}
int Programs::count_ingress() const
{
	return bpf_program__fd(skeleton_->progs.count_ingress);
}
int Programs::settle_flow() const
{
	return bpf_program__fd(skeleton_->progs.settle_flow);
}
int Programs::flows() const
{
	return bpf_map__fd(skeleton_->maps.flows);
}
int Programs::flow_index() const
{
	return bpf_map__fd(skeleton_->maps.flow_index);
}
int Programs::free_slots() const
{
	return bpf_map__fd(skeleton_->maps.free_slots);
}
int Programs::owners() const
{
	return bpf_map__fd(skeleton_->maps.owners);
}
int Programs::sockets() const
{
	return bpf_map__fd(skeleton_->maps.sockets);
}
int Programs::overflow() const
{
	return bpf_map__fd(skeleton_->maps.overflow);
}
int Programs::watched() const
{
	return bpf_map__fd(skeleton_->maps.watched);
}
int Programs::devices() const
{
	return bpf_map__fd(skeleton_->maps.devices);
}
int Programs::events() const
{
	return bpf_map__fd(skeleton_->maps.events);
}
int Programs::samples() const
{
	return bpf_map__fd(skeleton_->maps.samples);
}
const pnm_settings &Programs::settings() const
{
	return skeleton_->rodata->settings;
}
pnm_settling &Programs::settling() const
{
	return skeleton_->bss->settling;
}
pnm_owner &Programs::looked_at() const
{
	return skeleton_->bss->looked_at;
}
const volatile pnm_statistics &Programs::statistics() const
{
	return skeleton_->bss->statistics;
}
void Programs::note_use(uint32_t slot) const
{
	if (slot >= skeleton_->bss->statistics.high_water)
		skeleton_->bss->statistics.high_water = slot + 1;
}
volatile pnm_inspection &Programs::inspection() const
{
	return skeleton_->bss->inspection;
}

} // namespace procnetmon
