#include "process_connector.h"

#include "error.h"
#include "monotonic.h"
#include "netlink.h"
#include "network_namespace.h"
#include "process_files.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace procnetmon {
namespace {

constexpr int datagrams_at_once = 512;
constexpr size_t datagram_bytes = 4096;
// A build starts thousands of processes a second, system-wide; the main loop may be busy for a while.
constexpr int receive_buffer_bytes = 4 << 20;
// The kernel acknowledges inside of send(), or never (in a container).
constexpr int acknowledge_milliseconds = 50;

// Of proc_event.what. Kernel headers of different ages declare these in different scopes.
constexpr uint32_t event_none = 0; // an acknowledgement
constexpr uint32_t event_fork = 0x00000001;
constexpr uint32_t event_exec = 0x00000002;
constexpr uint32_t event_uid = 0x00000004;
constexpr uint32_t event_gid = 0x00000040;
constexpr uint32_t event_exit = 0x80000000;

constexpr size_t connector_offset = NLMSG_HDRLEN;
constexpr size_t event_offset = connector_offset + sizeof(cn_msg);

// The connector sends every thread of the system. This leaves processes, before they wake anybody up.
void keep_processes_only(int socket)
{
	constexpr uint32_t what = event_offset + offsetof(proc_event, what);
	constexpr uint32_t fork_child_pid = event_offset + offsetof(proc_event, event_data.fork.child_pid);
	constexpr uint32_t fork_child_tgid = event_offset + offsetof(proc_event, event_data.fork.child_tgid);
	constexpr uint32_t exit_pid = event_offset + offsetof(proc_event, event_data.exit.process_pid);
	constexpr uint32_t exit_tgid = event_offset + offsetof(proc_event, event_data.exit.process_tgid);
	sock_filter program[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, what),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(event_none), 13, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(event_exec), 12, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(event_uid), 11, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(event_gid), 10, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(event_fork), 0, 4),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, fork_child_pid),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, fork_child_tgid),
	    BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(event_exit), 0, 5),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, exit_pid),
	    BPF_STMT(BPF_MISC | BPF_TAX, 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, exit_tgid),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};

	// Where this fails, more is received, and left out one by one.
	::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

void enlarge_receive_buffer(int socket)
{
	const int bytes = receive_buffer_bytes;

	if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

// The answer holds `token` + 1, in the field `ack`.
bool send_operation(int socket, proc_cn_mcast_op operation, uint32_t token)
{
	std::array<char, event_offset + sizeof(operation)> message;
	nlmsghdr netlink{};
	cn_msg connector{};

	netlink.nlmsg_len = message.size();
	netlink.nlmsg_type = NLMSG_DONE;
	connector.id = {CN_IDX_PROC, CN_VAL_PROC};
	connector.ack = token;
	connector.len = sizeof(operation);
	std::memcpy(message.data(), &netlink, sizeof(netlink));
	std::memcpy(message.data() + connector_offset, &connector, sizeof(connector));
	std::memcpy(message.data() + event_offset, &operation, sizeof(operation));
	return ::send(socket, message.data(), message.size(), 0) == static_cast<ssize_t>(message.size());
}

// Up to exit_signal.
constexpr size_t event_data_bytes = 16;

struct Message {
	uint32_t acknowledged;
	proc_event event;
};

// Copied out: events lie in messages at addresses that are not aligned for them.
bool parse(const nlmsghdr &netlink, Message &message)
{
	cn_msg connector;

	if (netlink.nlmsg_len < event_offset)
		return false;
	std::memcpy(&connector, NLMSG_DATA(&netlink), sizeof(connector));
	if (connector.id.idx != CN_IDX_PROC || connector.id.val != CN_VAL_PROC)
		return false;
	const size_t available = std::min<size_t>(connector.len, netlink.nlmsg_len - event_offset);

	// The union's tail differs between kernels; what is used here is at its start.
	if (available < offsetof(proc_event, event_data) + event_data_bytes)
		return false;
	message.acknowledged = connector.ack;
	message.event = {};
	std::memcpy(&message.event, reinterpret_cast<const char *>(&netlink) + event_offset,
		    std::min(available, sizeof(message.event)));
	return true;
}

uint32_t what_of(const proc_event &event)
{
	return static_cast<uint32_t>(event.what);
}

uint32_t shell_status(uint32_t exit_code)
{
	const uint32_t signal = exit_code & 0x7f;

	return signal ? 128 + signal : (exit_code >> 8) & 0xff;
}

} // namespace

ProcessConnector::ProcessConnector(WatchList &watch_list, int epoll) : watch_list_(watch_list), epoll_(epoll)
{
	// The connector is in the machine's first network namespace only, and its events are of the whole
	// machine. Which one that is nobody tells; a helper in another one was started from there, directly
	// or not.
	for (const uint32_t process : ancestry())
		if (subscribe_beside(process))
			break;
}

ProcessConnector::~ProcessConnector()
{
	// Kernels below 6.6 count listeners, and do not notice when one closes its socket.
	if (socket_)
		send_operation(socket_.get(), PROC_CN_MCAST_IGNORE, 0);
}

bool ProcessConnector::subscribe_beside(uint32_t process_id)
{
	try {
		socket_ = open_netlink_beside(process_id, NETLINK_CONNECTOR, CN_IDX_PROC);
	} catch (const KernelError &) {
		return false;
	}
	if (!subscribe())
		socket_ = FileDescriptor();
	return static_cast<bool>(socket_);
}

bool ProcessConnector::subscribe()
{
	const auto token = static_cast<uint32_t>(monotonic_nanos());
	std::array<char, datagram_bytes> buffer;

	enlarge_receive_buffer(socket_.get());
	keep_processes_only(socket_.get());
	if (!send_operation(socket_.get(), PROC_CN_MCAST_LISTEN, token))
		return false;
	const uint64_t deadline = monotonic_nanos() + acknowledge_milliseconds * 1'000'000ull;

	for (uint64_t now = monotonic_nanos(); now < deadline; now = monotonic_nanos()) {
		pollfd readable{socket_.get(), POLLIN, 0};
		size_t length = 0;
		bool is_acknowledged = false;

		::poll(&readable, 1, static_cast<int>((deadline - now) / 1'000'000) + 1);
		if (receive_netlink(socket_.get(), buffer.data(), buffer.size(), length) != Received::Message)
			continue;
		for_each_message(buffer.data(), length, [&](const nlmsghdr &netlink) {
			Message message;

			if (parse(netlink, message) && what_of(message.event) == event_none &&
			    message.acknowledged == token + 1)
				is_acknowledged = message.event.event_data.ack.err == 0;
		});
		if (is_acknowledged)
			return true;
	}
	return false;
}

void ProcessConnector::collect(std::vector<Event> &events)
{
	std::array<char, datagram_bytes> buffer;

	if (!socket_)
		return;
	for (int count = 0; count < datagrams_at_once; count++) {
		size_t length = 0;
		const Received received =
		    receive_netlink(socket_.get(), buffer.data(), buffer.size(), length);

		if (received == Received::Nothing)
			break;
		if (received == Received::Lost) {
			events.emplace_back(ProcessEventsLost{});
			continue;
		}
		for_each_message(buffer.data(), length, [&](const nlmsghdr &netlink) {
			Message message;

			if (parse(netlink, message))
				handle(message.event, events);
		});
	}
	collect_endings(events);
}

void ProcessConnector::handle(const proc_event &event, std::vector<Event> &events)
{
	switch (what_of(event)) {
	case event_fork:
		handle_fork(event, events);
		break;
	case event_exec: {
		const auto process_id = static_cast<uint32_t>(event.event_data.exec.process_tgid);

		if (!watch_list_.contains(process_id))
			break;
		// Another thread than the main one called exec(): it became the main thread.
		endings_.erase(process_id);
		events.emplace_back(ProcessEvent{ProcessEvent::Kind::Exec, event.timestamp_ns, process_id});
		break;
	}
	case event_uid:
	case event_gid: {
		const auto process_id = static_cast<uint32_t>(event.event_data.id.process_tgid);

		if (watch_list_.contains(process_id))
			events.emplace_back(
			    ProcessEvent{ProcessEvent::Kind::Credentials, event.timestamp_ns, process_id});
		break;
	}
	case event_exit:
		handle_exit(event, events);
		break;
	default:
		break;
	}
}

void ProcessConnector::handle_fork(const proc_event &event, std::vector<Event> &events)
{
	const auto &fork = event.event_data.fork;
	const auto parent = static_cast<uint32_t>(fork.parent_tgid);
	const auto child = static_cast<uint32_t>(fork.child_tgid);

	if (fork.child_pid != fork.child_tgid || !watch_list_.contains(parent))
		return;
	// Before anybody hears of the child: its own children come right behind.
	const Watching watching = watch_list_.at(parent);

	if (watching.follows_children) {
		try {
			watch_list_.add(child, watching);
		} catch (const KernelError &) {
			unfollowed_++;
		}
	}
	events.emplace_back(ProcessEvent{ProcessEvent::Kind::Fork, event.timestamp_ns, parent, child});
}

void ProcessConnector::handle_exit(const proc_event &event, std::vector<Event> &events)
{
	const auto &exit = event.event_data.exit;
	const auto process_id = static_cast<uint32_t>(exit.process_tgid);
	const uint32_t status = shell_status(exit.exit_code);

	if (exit.process_pid != exit.process_tgid || !watch_list_.contains(process_id))
		return;
	FileDescriptor process = open_process(process_id);

	if (!process || is_process_over(process.get())) {
		report_exit(process_id, event.timestamp_ns, status, events);
		return;
	}
	epoll_event interest{};

	interest.events = EPOLLIN;
	checked(::epoll_ctl(epoll_, EPOLL_CTL_ADD, process.get(), &interest), "epoll_ctl");
	endings_.insert_or_assign(process_id, Ending{std::move(process), event.timestamp_ns, status});
}

void ProcessConnector::collect_endings(std::vector<Event> &events)
{
	for (auto entry = endings_.begin(); entry != endings_.end();) {
		const auto &[process_id, ending] = *entry;

		if (!is_process_over(ending.process.get())) {
			++entry;
			continue;
		}
		report_exit(process_id, ending.nanos, ending.status, events);
		entry = endings_.erase(entry);
	}
}

void ProcessConnector::forget(uint32_t process_id)
{
	endings_.erase(process_id);
}

void ProcessConnector::report_exit(uint32_t process_id, uint64_t nanos, uint32_t status,
				   std::vector<Event> &events)
{
	watch_list_.note_exit(process_id);
	events.emplace_back(ProcessEvent{ProcessEvent::Kind::Exit, nanos, process_id, 0, status});
}

} // namespace procnetmon
