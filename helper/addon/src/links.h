// Interfaces of this process's network namespace, as the kernel lists them.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace procnetmon {

struct Link {
	uint32_t index;
	std::string name;
	bool up;
	/// Bytes in front of the network layer's header: 14 for Ethernet and loopback, 0 for a tunnel.
	uint32_t header_bytes;
	/// Index of the bridge, bond or the like that takes what arrives here; 0 where there is none.
	uint32_t master;

	bool operator==(const Link &) const = default;
};

struct LinkChange {
	Link link;
	bool is_removed;
};

/// What a message of RTMGRP_LINK says; nothing when it is about something else.
std::optional<LinkChange> parse_link(const nlmsghdr &message);

/// All interfaces, by index.
std::map<uint32_t, Link> list_links();

} // namespace procnetmon
