// A seccomp filter, put together rule by rule. Pure: nothing of it touches the process.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace procnetmon {

class SystemCallFilter {
      public:
	/// A filter that refuses every call of another architecture, and answers every call that no rule
	/// names with EPERM, or with ENOSYS where its number is above `highest_known`: the C library then
	/// does without what is younger than this list.
	explicit SystemCallFilter(uint32_t highest_known);

	void allow(std::initializer_list<long> calls);
	/// Fails with `error`.
	void refuse(long call, int error);
	/// Allowed when the low half of an argument, which is all that the kernel looks at where it takes an
	/// int, is one of these.
	void allow_values(long call, unsigned argument, std::initializer_list<uint32_t> values);
	/// Allowed when, of the bits `mask` of the low half of an argument, just `value` is set.
	void allow_bits(long call, unsigned argument, uint32_t mask, uint32_t value);
	/// Allowed when a pointer is null.
	void allow_null(long call, unsigned argument);
	/// kill(2): any signal to these, and to others only the question whether they live.
	void allow_signals(long call, std::initializer_list<uint32_t> receivers);

	/// The program; the filter takes no more rules afterwards.
	std::vector<sock_filter> finish();

      private:
	void statement(uint16_t code, uint32_t operand);
	void jump(uint16_t code, uint32_t operand, uint8_t when_true, uint8_t when_false);
	void load_argument(unsigned argument, bool high_half);
	void answer(uint32_t action);
	/// Begins a rule of `length` instructions for a call.
	void on(long call, uint8_t length);

	uint32_t highest_known_;
	std::vector<sock_filter> program_;
};

} // namespace procnetmon
