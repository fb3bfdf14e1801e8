#include "netlink.h"

#include "error.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace procnetmon {
namespace {

// The kernel fills at most this much of a dump at once.
constexpr size_t dump_buffer_bytes = 32 * 1024;
// A dump that was interrupted by a change is repeated; a system that never rests must not hold us for ever.
constexpr int dump_attempts = 5;
// The kernel answers at once, inside of send(); waiting is for the case that it does not answer at all.
constexpr int answer_milliseconds = 1000;

enum class Dump { Unfinished, Finished, Interrupted };

Dump take_dump_part(const char *buffer, size_t length, const char *operation, const MessageHandler &handler)
{
	Dump state = Dump::Unfinished;

	for_each_message(buffer, length, [&](const nlmsghdr &message) {
		if (message.nlmsg_flags & NLM_F_DUMP_INTR)
			state = Dump::Interrupted;
		if (message.nlmsg_type == NLMSG_DONE && state == Dump::Unfinished)
			state = Dump::Finished;
		if (message.nlmsg_type == NLMSG_ERROR) {
			const auto *error = static_cast<const nlmsgerr *>(NLMSG_DATA(&message));

			if (message.nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
				throw KernelError(operation, EBADMSG);
			if (error->error)
				throw KernelError(operation, -error->error);
		} else if (message.nlmsg_type >= NLMSG_MIN_TYPE) {
			handler(message);
		}
	});
	return state;
}

} // namespace

FileDescriptor open_netlink(int protocol, uint32_t groups)
{
	FileDescriptor socket(checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol),
				      "socket(AF_NETLINK)"));
	sockaddr_nl address{};

	address.nl_family = AF_NETLINK;
	address.nl_groups = groups;
	checked(::bind(socket.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)),
		"bind(AF_NETLINK)");
	return socket;
}

Received receive_netlink(int socket, char *buffer, size_t capacity, size_t &length)
{
	for (;;) {
		sockaddr_nl sender{};
		iovec vector{buffer, capacity};
		msghdr message{};

		message.msg_name = &sender;
		message.msg_namelen = sizeof(sender);
		message.msg_iov = &vector;
		message.msg_iovlen = 1;
		const ssize_t received = ::recvmsg(socket, &message, 0);

		if (received < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN)
				return Received::Nothing;
			if (errno == ENOBUFS)
				return Received::Lost;
			throw KernelError("recvmsg(AF_NETLINK)", errno);
		}
		if (sender.nl_pid != 0)
			continue;
		if (message.msg_flags & MSG_TRUNC)
			return Received::Lost;
		length = static_cast<size_t>(received);
		return Received::Message;
	}
}

void dump_route(nlmsghdr &request, const char *operation, const MessageHandler &handler)
{
	const FileDescriptor socket = open_netlink(NETLINK_ROUTE, 0);
	std::vector<char> buffer(dump_buffer_bytes);

	request.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	for (int attempt = 1;; attempt++) {
		request.nlmsg_seq = static_cast<uint32_t>(attempt);
		checked(static_cast<int>(::send(socket.get(), &request, request.nlmsg_len, 0)), operation);
		Dump state = Dump::Unfinished;
		bool is_interrupted = false;

		while (state != Dump::Finished) {
			pollfd answer{socket.get(), POLLIN, 0};

			if (::poll(&answer, 1, answer_milliseconds) == 0)
				throw KernelError(operation, ETIMEDOUT);
			size_t length = 0;
			const Received received =
			    receive_netlink(socket.get(), buffer.data(), buffer.size(), length);

			if (received == Received::Lost)
				throw KernelError(operation, ENOBUFS);
			if (received == Received::Nothing)
				continue;
			state = take_dump_part(buffer.data(), length, operation, handler);
			is_interrupted |= state == Dump::Interrupted;
		}
		if (!is_interrupted || attempt == dump_attempts)
			return;
	}
}

void for_each_message(const char *buffer, size_t length, const MessageHandler &handler)
{
	while (length >= sizeof(nlmsghdr)) {
		const auto *message = reinterpret_cast<const nlmsghdr *>(buffer);

		if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > length)
			return;
		handler(*message);
		const size_t step = std::min<size_t>(NLMSG_ALIGN(message->nlmsg_len), length);

		buffer += step;
		length -= step;
	}
}

void for_each_attribute(const nlmsghdr &message, size_t header_bytes, const AttributeHandler &handler)
{
	const size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(header_bytes);

	if (message.nlmsg_len > start)
		for_each_attribute(
		    {reinterpret_cast<const char *>(&message) + start, message.nlmsg_len - start}, handler);
}

void for_each_attribute(std::string_view nested, const AttributeHandler &handler)
{
	while (nested.size() >= sizeof(rtattr)) {
		const auto *attribute = reinterpret_cast<const rtattr *>(nested.data());

		if (attribute->rta_len < sizeof(rtattr) || attribute->rta_len > nested.size())
			return;
		handler(attribute->rta_type & NLA_TYPE_MASK,
			nested.substr(RTA_LENGTH(0), attribute->rta_len - RTA_LENGTH(0)));
		nested.remove_prefix(std::min<size_t>(RTA_ALIGN(attribute->rta_len), nested.size()));
	}
}

std::string_view attribute_text(std::string_view payload)
{
	return payload.substr(0, std::min(payload.find('\0'), payload.size()));
}

uint32_t attribute_u32(std::string_view payload)
{
	uint32_t value = 0;

	if (payload.size() >= sizeof(value))
		std::memcpy(&value, payload.data(), sizeof(value));
	return value;
}

} // namespace procnetmon
