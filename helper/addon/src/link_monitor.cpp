#include "link_monitor.h"

#include "netlink.h"

#include <array>

namespace procnetmon {
namespace {

constexpr int datagrams_at_once = 64;
constexpr size_t datagram_bytes = 32 * 1024;

} // namespace

LinkMonitor::LinkMonitor() : socket_(open_netlink(NETLINK_ROUTE, RTMGRP_LINK))
{
	// After the subscription: a change in between is seen twice, which is harmless, and never missed.
	known_ = list_links();
}

void LinkMonitor::collect(std::vector<Event> &events)
{
	std::array<char, datagram_bytes> buffer;

	for (int count = 0; count < datagrams_at_once; count++) {
		size_t length = 0;

		switch (receive_netlink(socket_.get(), buffer.data(), buffer.size(), length)) {
		case Received::Nothing:
			return;
		case Received::Lost:
			compare_with_kernel(events);
			break;
		case Received::Message:
			for_each_message(buffer.data(), length, [&](const nlmsghdr &message) {
				if (const auto change = parse_link(message))
					apply(*change, events);
			});
			break;
		}
	}
}

void LinkMonitor::apply(const LinkChange &change, std::vector<Event> &events)
{
	const Link &link = change.link;
	const auto known = known_.find(link.index);

	if (change.is_removed) {
		if (known == known_.end())
			return;
		events.emplace_back(LinkEvent{link.index, known->second.name, false, true});
		known_.erase(known);
		return;
	}
	if (known != known_.end() && known->second == link)
		return;
	known_.insert_or_assign(link.index, link);
	events.emplace_back(LinkEvent{link.index, link.name, link.up, false});
}

void LinkMonitor::compare_with_kernel(std::vector<Event> &events)
{
	const std::map<uint32_t, Link> present = list_links();
	std::vector<Link> gone;

	for (const auto &[index, link] : known_)
		if (!present.contains(index))
			gone.push_back(link);
	for (const Link &link : gone)
		apply({link, true}, events);
	for (const auto &[index, link] : present)
		apply({link, false}, events);
}

} // namespace procnetmon
