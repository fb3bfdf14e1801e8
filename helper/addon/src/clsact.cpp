#include "clsact.h"

#include "error.h"
#include "libbpf_log.h"
#include "links.h"
#include "netlink.h"

#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace procnetmon {
namespace {

constexpr uint32_t priority = 0x7e4d;
// In a handle: the qdisc is of our making too, and goes with the last filter.
constexpr uint32_t qdisc_is_ours = 0x80000000;
constexpr bpf_tc_attach_point both_directions =
    static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);

struct Filter {
	uint32_t interface_index;
	bpf_tc_attach_point direction;
	uint32_t handle;
	bool is_ours;

	uint32_t instance() const
	{
		return handle & ~qdisc_is_ours;
	}
};

bpf_tc_hook hook_at(uint32_t interface_index, bpf_tc_attach_point direction)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(interface_index),
		    .attach_point = direction);
	return hook;
}

// libbpf names a filter after its program: "count_egress:[id]".
bool is_our_program(std::string_view name, bpf_tc_attach_point direction)
{
	return name.starts_with(direction == BPF_TC_INGRESS ? "count_ingress:[" : "count_egress:[");
}

std::optional<Filter> parse_filter(const nlmsghdr &message, bpf_tc_attach_point direction)
{
	if (message.nlmsg_type != RTM_NEWTFILTER || message.nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg)))
		return std::nullopt;
	const auto *info = static_cast<const tcmsg *>(NLMSG_DATA(&message));
	const bool is_our_priority = TC_H_MAJ(info->tcm_info) >> 16 == priority;
	Filter filter{static_cast<uint32_t>(info->tcm_ifindex), direction, info->tcm_handle, false};
	bool is_bpf = false;
	bool is_named_as_ours = false;

	for_each_attribute(message, sizeof(*info), [&](unsigned short type, std::string_view payload) {
		if (type == TCA_KIND)
			is_bpf = attribute_text(payload) == "bpf";
		if (type == TCA_OPTIONS)
			for_each_attribute(payload, [&](unsigned short option, std::string_view value) {
				if (option == TCA_BPF_NAME)
					is_named_as_ours = is_our_program(attribute_text(value), direction);
			});
	});
	filter.is_ours = is_our_priority && is_bpf && is_named_as_ours;
	return filter;
}

// Every filter on an interface. Each priority adds an entry of handle 0 for itself, which is left out.
std::vector<Filter> filters_at(uint32_t interface_index)
{
	std::vector<Filter> filters;

	for (const bpf_tc_attach_point direction : {BPF_TC_INGRESS, BPF_TC_EGRESS}) {
		struct {
			nlmsghdr header;
			tcmsg info;
		} request{};

		request.header.nlmsg_len = sizeof(request);
		request.header.nlmsg_type = RTM_GETTFILTER;
		request.info.tcm_family = AF_UNSPEC;
		request.info.tcm_ifindex = static_cast<int>(interface_index);
		request.info.tcm_parent =
		    TC_H_MAKE(TC_H_CLSACT, direction == BPF_TC_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
		dump_route(request.header, "RTM_GETTFILTER", [&](const nlmsghdr &message) {
			if (const auto filter = parse_filter(message, direction); filter && filter->handle)
				filters.push_back(*filter);
		});
	}
	return filters;
}

void remove_filter(const Filter &filter)
{
	const LibbpfLog log;
	const bpf_tc_hook hook = hook_at(filter.interface_index, filter.direction);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter.handle, .priority = priority);

	if (const int result = bpf_tc_detach(&hook, &options); result && result != -ENOENT)
		throw KernelError("RTM_DELTFILTER", -result, log.text());
}

void remove_empty_qdisc(uint32_t interface_index)
{
	if (!filters_at(interface_index).empty())
		return;
	const LibbpfLog log;
	bpf_tc_hook hook = hook_at(interface_index, both_directions);

	bpf_tc_hook_destroy(&hook);
}

// An abstract Unix socket's name lives in the network namespace, as filters do, and dies with its process,
// whichever process namespace that is in. Anybody may take such a name. That of a helper that is no more only
// keeps a left-over from being swept; that of one to come cannot be foreseen.
socklen_t life_sign_name(uint32_t instance, sockaddr_un &address)
{
	const std::string name = "procnetmon/clsact/" + std::to_string(instance);

	address = {};
	address.sun_family = AF_UNIX;
	name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
	return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

FileDescriptor unix_socket()
{
	return FileDescriptor(checked(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket(AF_UNIX)"));
}

uint32_t random_instance()
{
	uint32_t instance = 0;

	while (instance == 0) {
		if (::getrandom(&instance, sizeof(instance), 0) != sizeof(instance))
			throw KernelError("getrandom", errno);
		instance &= ~qdisc_is_ours;
	}
	return instance;
}

LifeSign give_life_sign()
{
	constexpr int most_draws = 16;

	for (int draw = 1;; draw++) {
		LifeSign sign{random_instance(), unix_socket()};
		sockaddr_un address;
		const socklen_t length = life_sign_name(sign.instance, address);

		if (::bind(sign.socket.get(), reinterpret_cast<sockaddr *>(&address), length) == 0)
			return sign;
		if (errno != EADDRINUSE || draw == most_draws)
			throw KernelError("bind(AF_UNIX)", errno);
	}
}

bool is_alive(uint32_t instance)
{
	const FileDescriptor socket = unix_socket();
	sockaddr_un address;
	const socklen_t length = life_sign_name(instance, address);

	return ::connect(socket.get(), reinterpret_cast<sockaddr *>(&address), length) == 0 ||
	       errno != ECONNREFUSED;
}

// True when it was made, false when there was one.
bool make_qdisc(uint32_t interface_index)
{
	const LibbpfLog log;
	bpf_tc_hook hook = hook_at(interface_index, both_directions);
	const int result = bpf_tc_hook_create(&hook);

	if (result && result != -EEXIST)
		throw KernelError("RTM_NEWQDISC", -result, log.text());
	return result == 0;
}

void add_filter(uint32_t interface_index, bpf_tc_attach_point direction, uint32_t handle, int program)
{
	const LibbpfLog log;
	const bpf_tc_hook hook = hook_at(interface_index, direction);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = handle, .priority = priority);

	if (const int result = bpf_tc_attach(&hook, &options))
		throw KernelError("RTM_NEWTFILTER", -result, log.text());
}

void remove_instance(uint32_t interface_index, uint32_t instance, bool remove_qdisc) noexcept
{
	try {
		for (const Filter &filter : filters_at(interface_index))
			if (filter.is_ours && filter.instance() == instance)
				remove_filter(filter);
		if (remove_qdisc)
			remove_empty_qdisc(interface_index);
	} catch (const KernelError &) {
		// The interface vanished, and its filters with it. Whatever else it may be, sweep() is left.
	}
}

// process.exit() destroys no object of JavaScript's. Filters are all that would stay behind.
struct DetachAtExit {
	std::set<Clsact *> alive;

	~DetachAtExit()
	{
		for (Clsact *clsact : alive)
			clsact->detach_all();
	}
};

DetachAtExit &detach_at_exit()
{
	static DetachAtExit instance;
	return instance;
}

} // namespace

Clsact::Clsact(int count_ingress, int count_egress)
    : count_ingress_(count_ingress), count_egress_(count_egress), life_sign_(give_life_sign())
{
	detach_at_exit().alive.insert(this);
}

Clsact::~Clsact()
{
	detach_all();
	detach_at_exit().alive.erase(this);
}

void Clsact::detach_all() noexcept
{
	while (!attached_.empty())
		detach(attached_.begin()->first);
}

void Clsact::attach(uint32_t interface_index)
{
	bool is_qdisc_ours = make_qdisc(interface_index);

	// Made by another helper that runs beside: whoever leaves last removes it.
	for (const Filter &filter : is_qdisc_ours ? std::vector<Filter>{} : filters_at(interface_index))
		is_qdisc_ours |= filter.is_ours && (filter.handle & qdisc_is_ours);
	const uint32_t handle = life_sign_.instance | (is_qdisc_ours ? qdisc_is_ours : 0);

	try {
		add_filter(interface_index, BPF_TC_INGRESS, handle, count_ingress_);
		add_filter(interface_index, BPF_TC_EGRESS, handle, count_egress_);
	} catch (const KernelError &) {
		remove_instance(interface_index, life_sign_.instance, is_qdisc_ours);
		throw;
	}
	attached_[interface_index] = is_qdisc_ours;
}

void Clsact::detach(uint32_t interface_index) noexcept
{
	const auto entry = attached_.find(interface_index);

	if (entry == attached_.end())
		return;
	remove_instance(interface_index, life_sign_.instance, entry->second);
	attached_.erase(entry);
}

uint32_t sweep_clsact()
{
	uint32_t removed = 0;

	for (const auto &[index, link] : list_links()) {
		bool is_qdisc_ours = false;

		for (const Filter &filter : filters_at(index)) {
			if (!filter.is_ours || is_alive(filter.instance()))
				continue;
			remove_filter(filter);
			is_qdisc_ours |= (filter.handle & qdisc_is_ours) != 0;
			removed++;
		}
		if (is_qdisc_ours)
			remove_empty_qdisc(index);
	}
	return removed;
}

} // namespace procnetmon
