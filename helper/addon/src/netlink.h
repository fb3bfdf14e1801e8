// Netlink messages: requests, dumps, and walking over attributes without trusting their lengths.
#pragma once

#include "file_descriptor.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace procnetmon {

/// Opens a non-blocking netlink socket that is a member of the given groups (bits).
FileDescriptor open_netlink(int protocol, uint32_t groups);

enum class Received {
	Message,
	/// Nothing more for now.
	Nothing,
	/// The socket overflowed: messages were lost (ENOBUFS).
	Lost,
};

/// Takes one datagram of the kernel's from a non-blocking socket; those of other senders are skipped.
Received receive_netlink(int socket, char *buffer, size_t capacity, size_t &length);

using MessageHandler = std::function<void(const nlmsghdr &)>;
using AttributeHandler = std::function<void(unsigned short type, std::string_view payload)>;

/// Sends a dump request to NETLINK_ROUTE and hands out every message of the answer.
void dump_route(nlmsghdr &request, const char *operation, const MessageHandler &handler);

void for_each_message(const char *buffer, size_t length, const MessageHandler &handler);

/// The attributes behind a header of `header_bytes` in a message, or in a nested attribute.
void for_each_attribute(const nlmsghdr &message, size_t header_bytes, const AttributeHandler &handler);
void for_each_attribute(std::string_view nested, const AttributeHandler &handler);

/// The text of an attribute that holds a C string.
std::string_view attribute_text(std::string_view payload);
/// The number in an attribute; 0 when it is too short for one.
uint32_t attribute_u32(std::string_view payload);

} // namespace procnetmon
