#include "system_call_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cerrno>
#include <cstddef>

namespace procnetmon {
namespace {

#if defined(__x86_64__)
constexpr uint32_t own_architecture = AUDIT_ARCH_X86_64;
// Calls of the x32 ABI come with the same architecture, and this bit in their number.
constexpr uint32_t foreign_numbers = 0x40000000;
#elif defined(__aarch64__)
constexpr uint32_t own_architecture = AUDIT_ARCH_AARCH64;
constexpr uint32_t foreign_numbers = 0x40000000;
#else
#error "The system calls of this architecture are not known."
#endif

constexpr uint32_t allowed = SECCOMP_RET_ALLOW;

constexpr uint32_t failing(int error)
{
	return SECCOMP_RET_ERRNO | (static_cast<uint32_t>(error) & SECCOMP_RET_DATA);
}

// Both architectures are little-endian.
constexpr uint32_t offset_of_argument(unsigned argument, bool high_half)
{
	return static_cast<uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(uint64_t) +
				     (high_half ? sizeof(uint32_t) : 0));
}

} // namespace

SystemCallFilter::SystemCallFilter(uint32_t highest_known) : highest_known_(highest_known)
{
	statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
	jump(BPF_JMP | BPF_JEQ | BPF_K, own_architecture, 1, 0);
	answer(SECCOMP_RET_KILL_PROCESS);
	statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
	jump(BPF_JMP | BPF_JGE | BPF_K, foreign_numbers, 0, 1);
	answer(SECCOMP_RET_KILL_PROCESS);
}

void SystemCallFilter::allow(std::initializer_list<long> calls)
{
	for (const long call : calls) {
		on(call, 1);
		answer(allowed);
	}
}

void SystemCallFilter::refuse(long call, int error)
{
	on(call, 1);
	answer(failing(error));
}

void SystemCallFilter::allow_values(long call, unsigned argument, std::initializer_list<uint32_t> values)
{
	on(call, static_cast<uint8_t>(3 + values.size()));
	load_argument(argument, false);
	size_t left = values.size();

	// Each jumps over those that are left, and over the refusal.
	for (const uint32_t value : values)
		jump(BPF_JMP | BPF_JEQ | BPF_K, value, static_cast<uint8_t>(left--), 0);
	answer(failing(EPERM));
	answer(allowed);
}

void SystemCallFilter::allow_bits(long call, unsigned argument, uint32_t mask, uint32_t value)
{
	on(call, 5);
	load_argument(argument, false);
	statement(BPF_ALU | BPF_AND | BPF_K, mask);
	jump(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
	answer(failing(EPERM));
	answer(allowed);
}

void SystemCallFilter::allow_null(long call, unsigned argument)
{
	on(call, 6);
	load_argument(argument, false);
	jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
	load_argument(argument, true);
	jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	answer(failing(EPERM));
	answer(allowed);
}

void SystemCallFilter::allow_signals(long call, std::initializer_list<uint32_t> receivers)
{
	on(call, static_cast<uint8_t>(5 + receivers.size()));
	load_argument(1, false);
	jump(BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<uint8_t>(2 + receivers.size()), 0);
	load_argument(0, false);
	size_t left = receivers.size();

	for (const uint32_t receiver : receivers)
		jump(BPF_JMP | BPF_JEQ | BPF_K, receiver, static_cast<uint8_t>(left--), 0);
	answer(failing(EPERM));
	answer(allowed);
}

std::vector<sock_filter> SystemCallFilter::finish()
{
	jump(BPF_JMP | BPF_JGT | BPF_K, highest_known_, 0, 1);
	answer(failing(ENOSYS));
	answer(failing(EPERM));
	return std::move(program_);
}

void SystemCallFilter::statement(uint16_t code, uint32_t operand)
{
	program_.push_back({code, 0, 0, operand});
}

void SystemCallFilter::jump(uint16_t code, uint32_t operand, uint8_t when_true, uint8_t when_false)
{
	program_.push_back({code, when_true, when_false, operand});
}

void SystemCallFilter::load_argument(unsigned argument, bool high_half)
{
	statement(BPF_LD | BPF_W | BPF_ABS, offset_of_argument(argument, high_half));
}

void SystemCallFilter::answer(uint32_t action)
{
	statement(BPF_RET | BPF_K, action);
}

void SystemCallFilter::on(long call, uint8_t length)
{
	// A rule always answers, so the number of the call is still loaded where the next one begins.
	jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, length);
}

} // namespace procnetmon
