#include "socket_adoption.h"

#include "error.h"
#include "monotonic.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>

namespace procnetmon {
namespace {

// The kernel's TCP states, as in <linux/tcp_states.h> of the kernel.
enum TcpState { SynSent = 2, FinWait2 = 5, Close = 7, CloseWait = 8, LastAck = 9, Listen = 10, Closing = 11 };

// A process that was never forgotten costs memory only; looking at all of them at each call costs time.
constexpr size_t processes_before_forgetting = 64;

int option(int socket, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return ::getsockopt(socket, level, name, &value, &length) ? -1 : value;
}

bool is_counted(int socket)
{
	const int family = option(socket, SOL_SOCKET, SO_DOMAIN);

	return family == AF_INET || family == AF_INET6 || family == AF_PACKET;
}

uint32_t kind_of(int socket)
{
	if (option(socket, SOL_SOCKET, SO_DOMAIN) == AF_PACKET)
		return PNM_SOCKET_PACKET;
	return option(socket, SOL_SOCKET, SO_TYPE) == SOCK_RAW ? PNM_SOCKET_RAW : 0;
}

uint64_t cookie_of(int socket)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	checked(::getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &length), "getsockopt(SO_COOKIE)");
	return cookie;
}

// Bytes of before are not this session's: they become the baseline. The kernel half takes SYN and FIN off the
// kernel's byte counts as its flags say, so the baseline has them off too where a flag is set here.
void set_baseline(int socket, pnm_socket &state)
{
	tcp_info info{};
	socklen_t length = sizeof(info);

	if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) ||
	    length < offsetof(tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		return;
	state.payload_acked = info.tcpi_bytes_acked;
	state.payload_received = info.tcpi_bytes_received;
	switch (info.tcpi_state) {
	case Listen:
		// The counters share their place with others while a socket listens.
		state.payload_acked = state.payload_received = 0;
		state.flags |= PNM_SOCKET_LISTENING;
		break;
	case SynSent:
		state.flags |= PNM_SOCKET_OUTGOING;
		break;
	case FinWait2:
		state.flags |= PNM_SOCKET_FIN_ACKED;
		state.payload_acked -= std::min<uint64_t>(state.payload_acked, 1);
		break;
	case CloseWait:
	case LastAck:
	case Closing:
		state.flags |= PNM_SOCKET_FIN_RECEIVED;
		state.payload_received -= std::min<uint64_t>(state.payload_received, 1);
		break;
	default:
		break;
	}
}

FileDescriptor take_descriptor(int process, int descriptor)
{
	return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_getfd, process, descriptor, 0)));
}

/// Tells the kernel half whose sockets are looked at: where their process has closed one meanwhile, it is the
/// helper that closes the last descriptor, in its place.
class Look {
      public:
	Look(const Programs &programs, const pnm_owner &process) : looked_at_(programs.looked_at())
	{
		looked_at_ = process;
	}
	~Look()
	{
		looked_at_ = {};
	}
	Look(const Look &) = delete;
	Look &operator=(const Look &) = delete;

      private:
	pnm_owner &looked_at_;
};

pnm_owner owner_of(uint32_t process_id, const ProcessIdentity &identity, uint32_t evidence)
{
	pnm_owner owner = {
	    .process_id = process_id, .user_id = identity.user_id, .evidence = evidence, .name = {}};

	identity.name.copy(owner.name, sizeof(owner.name) - 1);
	return owner;
}

bool is_alive(uint32_t process_id)
{
	return ::kill(static_cast<pid_t>(process_id), 0) == 0 || errno == EPERM;
}

} // namespace

uint32_t SocketAdoption::adopt(uint32_t process_id)
{
	OpenSockets held{};

	try {
		held = open_sockets(process_id);
	} catch (const KernelError &) {
		close_packet_sockets(process_id, known_[process_id], {});
		known_.erase(process_id);
		throw;
	}
	if (known_.size() > processes_before_forgetting)
		forget_vanished();

	const KnownOwners before = std::move(known_[process_id]);
	KnownOwners &after = known_[process_id] = {};
	Holders holders;
	FileDescriptor process;
	ProcessIdentity identity{};
	uint32_t changed = 0;
	int refusal = 0;

	for (const OpenSocket &candidate : held.sockets) {
		if (after.contains(candidate.inode))
			continue;
		const auto known = before.find(candidate.inode);

		if (known != before.end() && known->second.is_settled &&
		    (known->second.owner == 0 || known->second.owner == process_id ||
		     holds(known->second.owner, candidate.inode, holders))) {
			after.insert(*known);
			continue;
		}
		if (!process) {
			process = open_process(process_id);
			if (!process)
				throw KernelError("pidfd_open", errno,
						  "process " + std::to_string(process_id));
			identity = identify(process_id);
		}
		const Look look(programs_, owner_of(process_id, identity, PNM_EVIDENCE_HELD));
		const FileDescriptor socket = take_descriptor(process.get(), candidate.descriptor);

		if (!socket) {
			// Closed meanwhile (EBADF) is no refusal.
			if (errno == ESRCH)
				throw KernelError("pidfd_getfd", ESRCH,
						  "process " + std::to_string(process_id));
			if (errno != EBADF)
				refusal = errno;
			continue;
		}
		// The descriptor's number may be another socket's by now: that one is looked at the next
		// time.
		if (inode_of(socket.get()) != candidate.inode)
			continue;
		if (!is_counted(socket.get())) {
			after.emplace(candidate.inode, Known{0, true});
			continue;
		}
		const bool was_held = known != before.end();
		const Adopted adopted =
		    adopt_socket(socket.get(), candidate.inode, process_id, identity, was_held, holders);

		after.emplace(candidate.inode, adopted.known);
		changed += adopted.is_changed;
	}
	close_packet_sockets(process_id, before, after);
	if (refusal)
		throw KernelError("pidfd_getfd", refusal, "process " + std::to_string(process_id));
	if (!held.are_all)
		throw KernelError("readlink", E2BIG,
				  "process " + std::to_string(process_id) + " has more than " +
				      std::to_string(most_descriptors) + " descriptors");
	return changed;
}

SocketAdoption::Adopted SocketAdoption::adopt_socket(int socket, uint64_t inode, uint32_t process_id,
						     const ProcessIdentity &identity, bool was_held,
						     Holders &holders)
{
	const uint64_t cookie = cookie_of(socket);
	pnm_owner owner{};
	const bool has_owner = bpf_map_lookup_elem(programs_.owners(), &socket, &owner) == 0;

	if (has_owner && (owner.process_id == process_id || holds(owner.process_id, inode, holders))) {
		track(socket, cookie, owner.process_id);
		// It was another user's when it made the socket, and has it still.
		if (owner.process_id == process_id && owner.user_id != identity.user_id) {
			owner.user_id = identity.user_id;
			set_owner(socket, owner);
		}
		// Where the kernel half learns who sends, that says more than who holds, and may be written
		// now. Elsewhere a process that is seen with it once may be about to hand it on: a server
		// that forks for each connection holds all of them for a moment.
		const bool is_undecided = !programs_.settings().tells_sender &&
					  owner.process_id == process_id &&
					  owner.evidence < PNM_EVIDENCE_HELD;
		if (is_undecided && was_held) {
			owner.evidence = PNM_EVIDENCE_HELD;
			set_owner(socket, owner);
		}
		return {{owner.process_id, !is_undecided || was_held}, false};
	}
	if (has_owner && !has_been_passed_on(owner.process_id, process_id, inode))
		return {{owner.process_id, false}, false};
	const Handover handover = has_owner ? judge(socket, owner.evidence) : Handover::None;

	owner = owner_of(process_id, identity, evidence_after(handover));
	// The owner first: the kernel half counts a socket from the moment on that it is tracked.
	set_owner(socket, owner);
	track(socket, cookie, process_id);
	if (handover == Handover::FromNowOn)
		flow_pool_.retire_socket(cookie);
	else if (handover != Handover::None)
		flow_pool_.give_socket(cookie, owner, handover == Handover::LikelyWhole);
	if (kind_of(socket) == PNM_SOCKET_PACKET)
		show_packet_socket(socket, inode, cookie, owner);
	return {{process_id, true}, true};
}

void SocketAdoption::show_packet_socket(int socket, uint64_t inode, uint64_t cookie, const pnm_owner &owner)
{
	sockaddr_ll bound{};
	socklen_t length = sizeof(bound);
	pnm_flow flow{};

	checked(::getsockname(socket, reinterpret_cast<sockaddr *>(&bound), &length), "getsockname");
	flow.key.socket_cookie = cookie;
	flow.key.process_id = owner.process_id;
	flow.key.interface_index = static_cast<uint32_t>(bound.sll_ifindex);
	flow.opened_ns = flow.last_ns = monotonic_nanos();
	flow.protocol = PNM_PROTOCOL_PACKET;
	flow.state = PNM_STATE_DATAGRAM;
	flow.flags = PNM_FLOW_ADOPTED;
	if (programs_.is_foreign(socket))
		flow.flags |= PNM_FLOW_FOREIGN;
	flow.user_id = owner.user_id;
	std::copy_n(owner.name, sizeof(flow.name), flow.name);
	packet_sockets_[inode] = cookie;
	flow_pool_.open(flow);
}

void SocketAdoption::close_packet_sockets(uint32_t process_id, const KnownOwners &before,
					  const KnownOwners &after)
{
	if (packet_sockets_.empty())
		return;
	for (const auto &[inode, known] : before) {
		const auto found = packet_sockets_.find(inode);

		if (known.owner != process_id || after.contains(inode) || found == packet_sockets_.end())
			continue;
		flow_pool_.close_socket(found->second);
		packet_sockets_.erase(found);
	}
}

uint32_t SocketAdoption::evidence_after(Handover handover) const
{
	if (handover == Handover::FromNowOn)
		return PNM_EVIDENCE_SHARED;
	// It has not sent yet, and may pass the socket on.
	if (handover == Handover::Whole && programs_.settings().tells_sender)
		return PNM_EVIDENCE_TAKEN;
	return PNM_EVIDENCE_HELD;
}

void SocketAdoption::set_owner(int socket, const pnm_owner &owner)
{
	checked(bpf_map_update_elem(programs_.owners(), &socket, &owner, BPF_ANY),
		"bpf(BPF_MAP_UPDATE_ELEM) owners");
}

// While it was looked at, the process may have passed it on itself, and the next owner may have used and
// closed it.
bool SocketAdoption::has_been_passed_on(uint32_t owner, uint32_t process_id, uint64_t inode) const
{
	Holders now;

	return !holds(owner, inode, now) && holds(process_id, inode, now);
}

// Its owner holds the socket no more. Whether that one has ever used it?
SocketAdoption::Handover SocketAdoption::judge(int socket, uint32_t evidence) const
{
	pnm_socket state{};

	if (evidence == PNM_EVIDENCE_INHERITED)
		return Handover::Whole;
	if (evidence != PNM_EVIDENCE_TAKEN)
		return Handover::FromNowOn;
	if (programs_.settings().tells_sender)
		return Handover::Whole;
	const bool is_tcp = option(socket, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;

	if (!is_tcp || bpf_map_lookup_elem(programs_.sockets(), &socket, &state) ||
	    state.flags & PNM_SOCKET_OUTGOING)
		return Handover::FromNowOn;
	return Handover::LikelyWhole;
}

void SocketAdoption::track(int socket, uint64_t cookie, uint32_t owner)
{
	pnm_socket state{};

	state.cookie = cookie;
	state.slot = PNM_NO_SLOT;
	state.flags = PNM_SOCKET_ADOPTED | kind_of(socket);
	state.process_id = owner;
	// What it sends next need not be the first: it tells nothing of the sender.
	state.sender = PNM_NO_PROCESS;
	if (programs_.is_foreign(socket))
		state.flags |= PNM_SOCKET_FOREIGN;
	if (option(socket, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
	    option(socket, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP)
		set_baseline(socket, state);
	if (bpf_map_update_elem(programs_.sockets(), &socket, &state, BPF_NOEXIST) && errno != EEXIST)
		throw KernelError("bpf(BPF_MAP_UPDATE_ELEM) sockets", errno);
}

// Where not all may be seen, a living owner is believed to hold its socket.
bool SocketAdoption::holds(uint32_t process_id, uint64_t inode, Holders &holders) const
{
	auto entry = holders.find(process_id);

	if (entry == holders.end()) {
		Held held{{}, false};

		try {
			const OpenSockets open = open_sockets(process_id);

			for (const OpenSocket &socket : open.sockets)
				held.inodes.insert(socket.inode);
			held.are_all = open.are_all;
		} catch (const KernelError &) {
		}
		entry = holders.emplace(process_id, std::move(held)).first;
	}
	return entry->second.inodes.contains(inode) || (!entry->second.are_all && is_alive(process_id));
}

void SocketAdoption::forget_vanished()
{
	std::erase_if(known_, [this](const auto &entry) {
		if (is_alive(entry.first))
			return false;
		close_packet_sockets(entry.first, entry.second, {});
		return true;
	});
}

} // namespace procnetmon
