// Ownership of a file descriptor.
#pragma once

#include "error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace procnetmon {

class FileDescriptor {
      public:
	FileDescriptor() = default;
	explicit FileDescriptor(int fd) : fd_(fd)
	{
	}
	FileDescriptor(FileDescriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1))
	{
	}
	FileDescriptor &operator=(FileDescriptor &&other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}
	~FileDescriptor()
	{
		if (fd_ >= 0)
			::close(fd_);
	}

	int get() const
	{
		return fd_;
	}
	explicit operator bool() const
	{
		return fd_ >= 0;
	}

      private:
	int fd_ = -1;
};

/// The inode number of the file that a descriptor is for.
inline uint64_t inode_of(int descriptor)
{
	struct statx status;

	// glibc has had fstat() as a function of its own since 2.33 only.
	checked(::statx(descriptor, "", AT_EMPTY_PATH, STATX_INO, &status), "statx");
	return status.stx_ino;
}

} // namespace procnetmon
