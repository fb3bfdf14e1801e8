#include "packet_marks.h"

#include "error.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace procnetmon {
namespace {

// Written by root only. The kernel gives the lock back when the helper ends, however it ends.
constexpr const char *lock_file = "/run/procnetmon.lock";
// The same for helpers that are not root: there when one was installed, for its group.
constexpr const char *installed_lock_file = "/usr/local/libexec/procnetmon/helpers.lock";

FileDescriptor open_lock(const char *path, int flags)
{
	FileDescriptor file(::open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600));
	struct statx status;

	// In a folder of somebody else it would not be the one that all look at.
	if (file && (::statx(file.get(), "", AT_EMPTY_PATH, STATX_TYPE | STATX_UID, &status) ||
		     status.stx_uid != 0 || !S_ISREG(status.stx_mode)))
		return FileDescriptor();
	return file;
}

// Byte N of the file stands for pair N.
bool lock(const FileDescriptor &file, uint32_t pair, short type)
{
	struct flock range {};

	range.l_type = type;
	range.l_whence = SEEK_SET;
	range.l_start = pair;
	range.l_len = 1;
	return ::fcntl(file.get(), F_OFD_SETLK, &range) == 0;
}

} // namespace

PacketMarks::PacketMarks()
    : lock_(open_lock(lock_file, O_CREAT)), installed_lock_(open_lock(installed_lock_file, 0))
{
	if (!lock_ && !installed_lock_)
		return;
	for (pair_ = 0; pair_ < pairs; pair_++)
		if (claim())
			return;
	throw KernelError("fcntl(F_OFD_SETLK)", EUSERS, "8 helpers run already");
}

bool PacketMarks::claim() const
{
	if (lock_ && !lock(lock_, pair_, F_WRLCK))
		return false;
	if (!installed_lock_ || lock(installed_lock_, pair_, F_WRLCK))
		return true;
	if (lock_)
		lock(lock_, pair_, F_UNLCK);
	return false;
}

} // namespace procnetmon
