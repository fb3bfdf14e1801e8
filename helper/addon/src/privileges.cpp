#include "privileges.h"

#include "capabilities.h"
#include "error.h"
#include "process_files.h"
#include "threads.h"

#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <string_view>

namespace procnetmon {
namespace {

// Being root, or becoming it, gives no capability any more; and nobody can change that back.
constexpr unsigned long root_is_nobody = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
					 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
					 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

// Both need CAP_SETPCAP. A process without it (in a container) has no-new-privileges alone to rely on, which
// is enough: without exec that raises rights, neither set gives any.
int limit_future_rights()
{
	for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EPERM)
			return errno;
	if (::prctl(PR_SET_SECUREBITS, root_is_nobody, 0, 0, 0) && errno != EPERM)
		return errno;
	return 0;
}

int forbid_new_privileges()
{
	if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return errno;
	return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? errno : 0;
}

// The thread that keeps something, and what.
std::atomic<pid_t> keeping_thread;
std::atomic<uint64_t> kept_there;
static_assert(std::atomic<pid_t>::is_always_lock_free && std::atomic<uint64_t>::is_always_lock_free);

uint64_t kept_by(pid_t thread)
{
	return thread == keeping_thread.load() ? kept_there.load() : 0;
}

int give_up_what_is_not_kept()
{
	if (const int error = forbid_new_privileges())
		return error;
	const uint64_t kept = kept_by(static_cast<pid_t>(::syscall(SYS_gettid)));

	return set_capability_sets({kept, kept, 0});
}

void require(int error, const char *operation)
{
	if (error)
		throw KernelError(operation, error);
}

// Whether the supplementary groups are these; the main group may be among them or not, it counts in any case.
bool has_groups(const DropRequest &request)
{
	std::vector<gid_t> present(static_cast<size_t>(checked(::getgroups(0, nullptr), "getgroups")));
	std::vector<gid_t> wanted = request.groups;

	checked(::getgroups(static_cast<int>(present.size()), present.data()), "getgroups");
	for (std::vector<gid_t> *groups : {&present, &wanted}) {
		std::erase(*groups, request.gid);
		std::sort(groups->begin(), groups->end());
	}
	return present == wanted;
}

bool is_user(uid_t uid)
{
	uid_t real, effective, saved;

	checked(::getresuid(&real, &effective, &saved), "getresuid");
	return real == uid && effective == uid && saved == uid;
}

bool is_group(gid_t gid)
{
	gid_t real, effective, saved;

	checked(::getresgid(&real, &effective, &saved), "getresgid");
	return real == gid && effective == gid && saved == gid;
}

// The C library does these in every thread. Groups first: a user who is not root may not change them.
void become(const DropRequest &request)
{
	if (!has_groups(request))
		checked(::setgroups(request.groups.size(), request.groups.data()), "setgroups");
	if (!is_group(request.gid))
		checked(::setresgid(request.gid, request.gid, request.gid), "setresgid");
	if (!is_user(request.uid))
		checked(::setresuid(request.uid, request.uid, request.uid), "setresuid");
}

uint64_t status_number(std::string_view status, std::string_view field, int base)
{
	const size_t line = status.find(field);
	uint64_t value = ~uint64_t{0};

	if (line == std::string_view::npos)
		return value;
	status.remove_prefix(line + field.size());
	std::from_chars(status.data(), status.data() + status.size(), value, base);
	return value;
}

[[noreturn]] void refuse(const std::string &what)
{
	throw KernelError("dropPrivileges", EPERM, what + " is left after all");
}

void verify_thread(const std::string &status, const DropRequest &request, uint64_t allowed)
{
	for (const char *field : {"\nCapPrm:\t", "\nCapEff:\t", "\nCapInh:\t", "\nCapAmb:\t"})
		if (status_number(status, field, 16) & ~allowed)
			refuse("a capability");
	if (status_number(status, "\nNoNewPrivs:\t", 10) != 1)
		refuse("the right to gain privileges");
	if (status_number(status, "\nUid:\t", 10) != request.uid ||
	    status_number(status, "\nGid:\t", 10) != request.gid)
		refuse("another user or group");
}

void verify(const DropRequest &request, uint64_t kept)
{
	const auto self = static_cast<uint32_t>(::getpid());

	for (const uint32_t thread : numbered_entries("/proc/self/task")) {
		std::string status;

		try {
			status = read_file("/proc/self/task/" + std::to_string(thread) + "/status");
		} catch (const KernelError &) {
			continue; // it has ended
		}
		verify_thread(status, request, thread == self ? kept : kept_by(static_cast<pid_t>(thread)));
	}
	if (!is_user(request.uid) || !is_group(request.gid))
		refuse("another user or group");
	if (!has_groups(request))
		refuse("a supplementary group");
	const CapabilitySets sets = capability_sets();

	if (sets.permitted != kept || sets.effective != kept || sets.inheritable)
		refuse("another set of capabilities");
	if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		refuse("the right to be dumped");
	// The proof of the pudding.
	if (request.uid != 0 && ::setresuid(0, 0, 0) == 0)
		refuse("root");
}

} // namespace

void keep_in_this_thread(uint64_t capabilities)
{
	// As below: for where the change of user clears capabilities.
	::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	kept_there = capabilities & capability_sets().permitted;
	keeping_thread = static_cast<pid_t>(::syscall(SYS_gettid));
}

void drop_privileges(const DropRequest &request)
{
	const uint64_t kept = capability_bit(CAP_BPF) | capability_bit(CAP_NET_ADMIN) |
			      (request.keep_ptrace ? capability_bit(CAP_SYS_PTRACE) : 0);
	const uint64_t missing = kept & ~capability_sets().permitted;

	if (missing)
		throw KernelError("capset", EPERM, capability_names(missing).front() + " is missing");
	// For where the change of user clears capabilities, because the secure bits cannot be set.
	checked(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl(PR_SET_KEEPCAPS)");
	run_in_other_threads(limit_future_rights, "prctl(PR_CAPBSET_DROP)");
	require(limit_future_rights(), "prctl(PR_CAPBSET_DROP)");

	become(request);

	run_in_other_threads(give_up_what_is_not_kept, "capset");
	require(forbid_new_privileges(), "prctl(PR_SET_NO_NEW_PRIVS)");
	require(set_capability_sets({kept, kept, 0}), "capset");

	const rlimit no_core{0, 0};

	checked(::setrlimit(RLIMIT_CORE, &no_core), "setrlimit(RLIMIT_CORE)");
	checked(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(PR_SET_DUMPABLE)");
	verify(request, kept);
}

WithoutCapabilities::WithoutCapabilities() : before_(capability_sets())
{
	require(set_capability_sets({0, before_.permitted, before_.inheritable}), "capset");
}

WithoutCapabilities::~WithoutCapabilities()
{
	// To raise what is permitted is never refused.
	set_capability_sets(before_);
}

std::vector<gid_t> groups_of(const std::string &user_name, gid_t gid)
{
	int count = 32;
	std::vector<gid_t> groups(static_cast<size_t>(count));

	// When they do not fit, the second call knows how many there are.
	if (::getgrouplist(user_name.c_str(), gid, groups.data(), &count) < 0) {
		groups.resize(static_cast<size_t>(std::max(count, 0)));
		if (::getgrouplist(user_name.c_str(), gid, groups.data(), &count) < 0)
			throw KernelError("getgrouplist", ERANGE, user_name);
	}
	groups.resize(static_cast<size_t>(std::max(count, 0)));
	return groups;
}

} // namespace procnetmon
