// Which bits of a packet say that it is counted. Helpers that run at the same time must not take each other's
// marks for their own, so each claims a pair of bits for as long as it lives.
#pragma once

#include "file_descriptor.h"

#include <cstdint>

namespace procnetmon {

class PacketMarks {
      public:
	/// Throws EUSERS when all pairs are taken. Where there is no place for the lock, the first pair is
	/// used.
	PacketMarks();

	uint32_t counted_out() const
	{
		return 1u << (2 * pair_);
	}
	uint32_t counted_in() const
	{
		return 2u << (2 * pair_);
	}

      private:
	bool claim() const;

	FileDescriptor lock_;
	FileDescriptor installed_lock_;
	uint32_t pair_ = 0;
};

} // namespace procnetmon
