#include "links.h"

#include "netlink.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <sys/socket.h>

namespace procnetmon {
namespace {

uint32_t header_bytes_of(unsigned short hardware_type)
{
	constexpr uint32_t ethernet_header_bytes = 14;

	return hardware_type == ARPHRD_ETHER || hardware_type == ARPHRD_LOOPBACK ? ethernet_header_bytes : 0;
}

} // namespace

std::optional<LinkChange> parse_link(const nlmsghdr &message)
{
	if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK)
		return std::nullopt;
	if (message.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg)))
		return std::nullopt;
	const auto *info = static_cast<const ifinfomsg *>(NLMSG_DATA(&message));

	// A port that leaves its bridge is reported as deleted, in the bridge's own family.
	if (info->ifi_family != AF_UNSPEC || info->ifi_index <= 0)
		return std::nullopt;
	LinkChange change{{static_cast<uint32_t>(info->ifi_index),
			   {},
			   (info->ifi_flags & IFF_UP) != 0,
			   header_bytes_of(info->ifi_type),
			   0},
			  message.nlmsg_type == RTM_DELLINK};

	for_each_attribute(message, sizeof(*info), [&](unsigned short type, std::string_view payload) {
		if (type == IFLA_IFNAME)
			change.link.name = attribute_text(payload);
		if (type == IFLA_MASTER)
			change.link.master = attribute_u32(payload);
	});
	return change;
}

std::map<uint32_t, Link> list_links()
{
	struct {
		nlmsghdr header;
		ifinfomsg info;
		rtattr filter;
		uint32_t filter_bits;
	} request{};
	// Counters and virtual functions make up most of the answer, and nobody asked for them.
	constexpr uint32_t skip_statistics = 1 << 3; // RTEXT_FILTER_SKIP_STATS
	std::map<uint32_t, Link> links;

	request.header.nlmsg_len = sizeof(request);
	request.header.nlmsg_type = RTM_GETLINK;
	request.info.ifi_family = AF_UNSPEC;
	request.filter.rta_type = IFLA_EXT_MASK;
	request.filter.rta_len = RTA_LENGTH(sizeof(request.filter_bits));
	request.filter_bits = skip_statistics;
	dump_route(request.header, "RTM_GETLINK", [&](const nlmsghdr &message) {
		if (auto change = parse_link(message))
			links.insert_or_assign(change->link.index, std::move(change->link));
	});
	return links;
}

} // namespace procnetmon
