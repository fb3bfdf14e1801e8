// The flow pool as user space sees it: a mapped array, and the list of its free slots.
#pragma once

#include "programs.h"

#include <cstddef>
#include <optional>
#include <span>

namespace procnetmon {

class FlowPool {
      public:
	/// Maps the pool and fills the list of free slots, lowest slot first.
	explicit FlowPool(const Programs &programs);
	~FlowPool();
	FlowPool(const FlowPool &) = delete;
	FlowPool &operator=(const FlowPool &) = delete;

	/// Columns of a row, in the order of `FlowColumn` in kernel.ts.
	static constexpr size_t columns = 20;

	/// Writes a row for each slot in use. Returns how many there are, also when that is more than fit.
	size_t read(double *rows, size_t row_capacity) const;
	/// What a slot in use holds.
	std::optional<pnm_flow> describe(uint32_t slot) const;
	/// The next packet of this flow takes another slot. Does nothing to a free slot.
	void retire(uint32_t slot);
	/// Says what of a flow's payload is wanted from now on: bits PNM_INSPECTION_*, and how many further
	/// messages. Does nothing when the slot belongs to another socket by now.
	void inspect(uint32_t slot, uint64_t cookie, uint8_t bits, uint32_t message_credit);
	/// Takes a slot for a flow that has moved nothing yet. Does nothing when the pool is full.
	void open(const pnm_flow &flow);
	/// Closes every flow of a socket of which the kernel half does not hear that it is closed.
	void close_socket(uint64_t cookie);
	/// Retires every flow of a socket that another process has taken over. How much of it that one moved
	/// already is not known.
	void retire_socket(uint64_t cookie);
	/// Gives every flow of a socket, with what it has counted, to another process.
	void give_socket(uint64_t cookie, const pnm_owner &owner, bool is_estimate);
	/// Has the kernel half look at TCP flows of this network namespace once more: what it finds is in the
	/// next reading.
	void settle(std::span<const uint32_t> slots);
	/// Gives a retired slot back. Throws EINVAL for one that is still in use.
	void recycle(uint32_t slot);

      private:
	uint32_t high_water() const;
	pnm_flow *at(uint32_t slot) const;
	void forget_key(uint32_t slot, const pnm_flow_key &key);

	const Programs &programs_;
	pnm_flow *flows_ = nullptr;
	size_t mapped_bytes_ = 0;
};

} // namespace procnetmon
