#include "traffic_hooks.h"

#include "error.h"
#include "links.h"

#include <bpf/bpf.h>

#include <climits>
#include <string>

namespace procnetmon {
namespace {

// From <linux/bpf.h> of 6.6; the headers this is built with may be older.
constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);
constexpr auto tcx_egress = static_cast<bpf_attach_type>(47);
constexpr uint32_t before_all = 1 << 3; // BPF_F_BEFORE, relative to nothing

FileDescriptor link_tcx(int program, int interface_index, bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = before_all);

	return FileDescriptor(bpf_link_create(program, interface_index, type, &options));
}

// Asked of an interface that does not exist: where tcx is known, that is what the kernel misses.
bool has_tcx(const Programs &programs)
{
	const FileDescriptor link = link_tcx(programs.count_ingress(), INT_MAX, tcx_ingress);

	return link || errno == ENODEV;
}

FileDescriptor checked_link_tcx(int program, uint32_t interface_index, bpf_attach_type type)
{
	FileDescriptor link = link_tcx(program, static_cast<int>(interface_index), type);

	if (!link)
		throw KernelError("bpf(BPF_LINK_CREATE)", errno,
				  "tcx at interface " + std::to_string(interface_index));
	return link;
}

} // namespace

TrafficHooks::TrafficHooks(const Programs &programs, Attachment wanted) : programs_(programs)
{
	const bool use_tcx = wanted != Attachment::Clsact && has_tcx(programs);

	if (wanted == Attachment::Tcx && !use_tcx)
		throw KernelError("bpf(BPF_LINK_CREATE)", EOPNOTSUPP, "this kernel has no tcx");
	if (!use_tcx)
		clsact_.emplace(programs.count_ingress(), programs.count_egress());
}

TrafficHooks::~TrafficHooks()
{
	while (!attached_.empty())
		detach(attached_.begin()->first);
}

Attachment TrafficHooks::attachment() const
{
	return clsact_ ? Attachment::Clsact : Attachment::Tcx;
}

void TrafficHooks::attach(uint32_t interface_index)
{
	const auto links = list_links();
	const auto link = links.find(interface_index);

	if (link == links.end())
		throw KernelError("attachInterface", ENODEV, "interface " + std::to_string(interface_index));
	const pnm_device device{
	    .link_header_bytes = link->second.header_bytes,
	    .attached = 1,
	    .has_master = link->second.master != 0,
	};

	if (is_attached(interface_index)) {
		// It may have become a bridge's, or left one.
		checked(bpf_map_update_elem(programs_.devices(), &interface_index, &device, BPF_ANY),
			"bpf(BPF_MAP_UPDATE_ELEM) devices");
		return;
	}
	TcxLinks tcx;

	if (clsact_) {
		clsact_->attach(interface_index);
	} else {
		tcx.ingress = checked_link_tcx(programs_.count_ingress(), interface_index, tcx_ingress);
		tcx.egress = checked_link_tcx(programs_.count_egress(), interface_index, tcx_egress);
	}
	attached_.emplace(interface_index, std::move(tcx));
	// Only now: from this moment on the cgroup hooks leave the interface's packets to the tc programs.
	if (bpf_map_update_elem(programs_.devices(), &interface_index, &device, BPF_ANY)) {
		const int error = errno;

		detach(interface_index);
		throw KernelError("bpf(BPF_MAP_UPDATE_ELEM) devices", error);
	}
}

void TrafficHooks::detach(uint32_t interface_index) noexcept
{
	const auto entry = attached_.find(interface_index);

	if (entry == attached_.end())
		return;
	pnm_device device{};

	// First: no packet falls between the two.
	if (bpf_map_lookup_elem(programs_.devices(), &interface_index, &device) == 0) {
		device.attached = 0;
		bpf_map_update_elem(programs_.devices(), &interface_index, &device, BPF_EXIST);
	}
	if (clsact_)
		clsact_->detach(interface_index);
	attached_.erase(entry);
	bpf_map_delete_elem(programs_.devices(), &interface_index);
}

bool TrafficHooks::is_attached(uint32_t interface_index) const
{
	return attached_.contains(interface_index);
}

} // namespace procnetmon
