#include "packet_marks.h"

#include "error.h"

#include <fcntl.h>

namespace procnetmon {
namespace {

// Written by root only. The kernel gives the lock back when the helper ends, however it ends.
constexpr const char *lock_file = "/run/procnetmon.lock";
// skb->tc_index has 16 bits.
constexpr uint32_t pairs = 8;

// Byte N of the file stands for pair N.
bool claim(int file, uint32_t pair)
{
	struct flock range {};

	range.l_type = F_WRLCK;
	range.l_whence = SEEK_SET;
	range.l_start = pair;
	range.l_len = 1;
	return ::fcntl(file, F_OFD_SETLK, &range) == 0;
}

} // namespace

PacketMarks::PacketMarks()
    : lock_(::open(lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600))
{
	if (!lock_)
		return;
	for (pair_ = 0; pair_ < pairs; pair_++) {
		if (claim(lock_.get(), pair_))
			return;
	}
	throw KernelError("fcntl(F_OFD_SETLK)", EUSERS, "8 helpers run already");
}

} // namespace procnetmon
