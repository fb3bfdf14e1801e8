// Pieces of payload of inspected processes, out of the kernel half's second ring buffer.
#pragma once

#include "procnetmon.h"

#include <cstdint>
#include <memory>
#include <vector>

struct ring_buffer;

namespace procnetmon {

/// What the kernel half wrote of one packet, and the bytes that it copied.
struct PayloadSample {
	pnm_sample head;
	std::vector<uint8_t> bytes;
};

class PayloadSamples {
      public:
	/// Takes the descriptor of the ring buffer's map.
	explicit PayloadSamples(int ring);

	/// Readable when there is something to collect at once; what can wait does not make it so.
	int fd() const;
	/// Takes what has come, in order; bounded, so more may be left.
	std::vector<PayloadSample> collect();
	/// Records that contradicted themselves, since the start.
	uint64_t invalid() const
	{
		return invalid_;
	}

      private:
	static int take(void *self, void *data, size_t size);

	struct Free {
		void operator()(ring_buffer *ring) const;
	};
	std::unique_ptr<ring_buffer, Free> ring_;
	std::vector<PayloadSample> taken_;
	uint64_t invalid_ = 0;
};

} // namespace procnetmon
