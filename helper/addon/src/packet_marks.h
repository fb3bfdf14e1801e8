// Which bits of a packet say that it is counted. Helpers that run at the same time must not take each other's
// marks for their own, so each claims a pair of bits for as long as it lives.
#pragma once

#include "file_descriptor.h"

#include <cstdint>

namespace procnetmon {

class PacketMarks {
	// skb->tc_index has 16 bits.
	static constexpr uint32_t pairs = 8;

      public:
	/// Throws EUSERS when all pairs are taken. Where there is no place for the lock, the first pair is
	/// used.
	PacketMarks();

	uint32_t low() const
	{
		return 1u << shift();
	}
	uint32_t high() const
	{
		return 2u << shift();
	}

      private:
	bool claim() const;
	// The uppermost first: the kernel writes numbers of classes, small ones mostly, to the same place.
	uint32_t shift() const
	{
		return 2 * (pairs - 1 - pair_);
	}

	FileDescriptor lock_;
	FileDescriptor installed_lock_;
	uint32_t pair_ = 0;
};

} // namespace procnetmon
