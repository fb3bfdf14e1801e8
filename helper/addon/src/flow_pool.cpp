#include "flow_pool.h"

#include "error.h"
#include "monotonic.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <type_traits>

namespace procnetmon {
namespace {

// The kernel rounds a value up to eight bytes; the array has the stride of the C type only if that is
// nothing.
static_assert(sizeof(pnm_flow) % 8 == 0);

// `FlowFlag.Retired` of kernel.ts; here a field of its own, so that neither side overwrites the other's bits.
constexpr int retired_flag = 0x02;
constexpr int estimate_flag = PNM_FLOW_ESTIMATE;

// The kernel half changes every field at any time: each is read once, whole.
template <typename T> T seen(const T &field)
{
	return __atomic_load_n(&field, __ATOMIC_RELAXED);
}

// Null for a free slot. Pairs with the kernel half, which writes the cookie last.
uint64_t cookie_of(const pnm_flow &flow)
{
	return __atomic_load_n(&flow.key.socket_cookie, __ATOMIC_ACQUIRE);
}

// A FIN that was taken for a byte of payload is taken off again, and for that moment the count may be below
// nothing where a flow has just begun.
double amount(const __u64 &counter)
{
	return static_cast<double>(std::max<int64_t>(0, static_cast<int64_t>(seen(counter))));
}

void write_row(double *row, uint32_t slot, uint64_t cookie, const pnm_flow &flow)
{
	const pnm_counters &counters = flow.counters;

	row[0] = slot;
	row[1] = static_cast<double>(cookie);
	row[2] = seen(flow.key.process_id);
	row[3] = seen(flow.key.interface_index);
	row[4] = seen(flow.state);
	row[5] = seen(flow.flags) | (seen(flow.retired) & PNM_FLOW_RETIRED ? retired_flag : 0) |
		 (seen(flow.retired) & PNM_FLOW_TAKEN_OVER ? estimate_flag : 0);
	row[6] = static_cast<double>(seen(counters.wire_tx_bytes));
	row[7] = static_cast<double>(seen(counters.wire_rx_bytes));
	row[8] = static_cast<double>(seen(counters.wire_tx_packets));
	row[9] = static_cast<double>(seen(counters.wire_rx_packets));
	row[10] = amount(counters.payload_tx_bytes);
	row[11] = amount(counters.payload_rx_bytes);
	row[12] = seen(flow.rtt_us);
	row[13] = seen(flow.retransmits);
	row[14] = static_cast<double>(seen(flow.opened_ns));
	row[15] = static_cast<double>(seen(flow.last_ns));
	row[16] = static_cast<double>(seen(flow.closed_ns));
	row[17] = seen(flow.connect_us);
	row[18] = seen(flow.reason);
	row[19] = seen(flow.time_wait);
}

} // namespace

FlowPool::FlowPool(const Programs &programs) : programs_(programs)
{
	// The list is a stack: what is pushed last is taken first.
	for (uint32_t slot = PNM_FLOW_CAPACITY; slot-- > 0;)
		checked(bpf_map_update_elem(programs.free_slots(), nullptr, &slot, BPF_ANY),
			"bpf(BPF_MAP_UPDATE_ELEM) free_slots");

	const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));

	mapped_bytes_ = (sizeof(pnm_flow) * PNM_FLOW_CAPACITY + page - 1) / page * page;
	void *mapping =
	    ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, programs.flows(), 0);
	if (mapping == MAP_FAILED)
		throw KernelError("mmap flows", errno);
	flows_ = static_cast<pnm_flow *>(mapping);
}

FlowPool::~FlowPool()
{
	if (flows_)
		::munmap(flows_, mapped_bytes_);
}

uint32_t FlowPool::high_water() const
{
	return static_cast<uint32_t>(
	    std::min<uint64_t>(programs_.statistics().high_water, PNM_FLOW_CAPACITY));
}

pnm_flow *FlowPool::at(uint32_t slot) const
{
	return slot < PNM_FLOW_CAPACITY ? flows_ + slot : nullptr;
}

size_t FlowPool::read(double *rows, size_t row_capacity) const
{
	const uint32_t end = high_water();
	size_t count = 0;

	for (uint32_t slot = 0; slot < end; slot++) {
		const uint64_t cookie = cookie_of(flows_[slot]);

		if (!cookie)
			continue;
		if (count < row_capacity)
			write_row(rows + count * columns, slot, cookie, flows_[slot]);
		count++;
	}
	return count;
}

std::optional<pnm_flow> FlowPool::describe(uint32_t slot) const
{
	const pnm_flow *flow = at(slot);

	if (!flow || !cookie_of(*flow))
		return std::nullopt;
	return *flow;
}

void FlowPool::retire(uint32_t slot)
{
	pnm_flow *flow = at(slot);

	if (!flow || !cookie_of(*flow))
		return;
	__atomic_fetch_or(&flow->retired, PNM_FLOW_RETIRED, __ATOMIC_RELEASE);
	forget_key(slot, flow->key);
}

void FlowPool::inspect(uint32_t slot, uint64_t cookie, uint8_t bits, uint32_t message_credit)
{
	pnm_flow *flow = at(slot);

	if (!flow || cookie_of(*flow) != cookie)
		return;
	__atomic_store_n(&flow->message_credit, message_credit, __ATOMIC_RELAXED);
	__atomic_store_n(&flow->inspection, bits, __ATOMIC_RELEASE);
}

void FlowPool::open(const pnm_flow &flow)
{
	const pnm_flow_key key = flow.key;
	uint32_t slot;

	if (bpf_map_lookup_and_delete_elem(programs_.free_slots(), nullptr, &slot)) {
		if (errno == ENOENT)
			return;
		throw KernelError("bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM) free_slots", errno);
	}
	flows_[slot] = flow;
	flows_[slot].key.socket_cookie = 0;
	// The cookie last: a reader takes a slot with a cookie for complete.
	__atomic_store_n(&flows_[slot].key.socket_cookie, key.socket_cookie, __ATOMIC_RELEASE);
	programs_.note_use(slot);
	checked(bpf_map_update_elem(programs_.flow_index(), &key, &slot, BPF_ANY),
		"bpf(BPF_MAP_UPDATE_ELEM) flow_index");
}

void FlowPool::close_socket(uint64_t cookie)
{
	const uint32_t end = high_water();

	for (uint32_t slot = 0; slot < end; slot++) {
		pnm_flow &flow = flows_[slot];

		if (cookie_of(flow) != cookie || seen(flow.flags) & PNM_FLOW_CLOSED)
			continue;
		__atomic_store_n(&flow.closed_ns, monotonic_nanos(), __ATOMIC_RELAXED);
		__atomic_fetch_or(&flow.flags, PNM_FLOW_CLOSED, __ATOMIC_RELEASE);
	}
}

void FlowPool::retire_socket(uint64_t cookie)
{
	const uint32_t end = high_water();

	for (uint32_t slot = 0; slot < end; slot++) {
		if (cookie_of(flows_[slot]) != cookie)
			continue;
		__atomic_fetch_or(&flows_[slot].retired, PNM_FLOW_TAKEN_OVER, __ATOMIC_RELEASE);
		retire(slot);
	}
}

void FlowPool::give_socket(uint64_t cookie, const pnm_owner &owner, bool is_estimate)
{
	const uint32_t end = high_water();

	for (uint32_t slot = 0; slot < end; slot++) {
		pnm_flow &flow = flows_[slot];

		if (cookie_of(flow) != cookie || seen(flow.retired) & PNM_FLOW_RETIRED)
			continue;
		const pnm_flow_key former = flow.key;
		pnm_flow_key key = former;

		if (is_estimate)
			__atomic_fetch_or(&flow.retired, PNM_FLOW_TAKEN_OVER, __ATOMIC_RELEASE);
		key.process_id = owner.process_id;
		// The new key first, so that the kernel half finds this slot as soon as the old one fits no
		// more.
		checked(bpf_map_update_elem(programs_.flow_index(), &key, &slot, BPF_ANY),
			"bpf(BPF_MAP_UPDATE_ELEM) flow_index");
		flow.user_id = owner.user_id;
		flow.uninspected = 0;
		std::copy_n(owner.name, sizeof(flow.name), flow.name);
		__atomic_store_n(&flow.key.process_id, owner.process_id, __ATOMIC_RELEASE);
		forget_key(slot, former);
	}
}

void FlowPool::settle(std::span<const uint32_t> slots)
{
	pnm_settling &settling = programs_.settling();
	// The kernel wants a frame to run a program over, whatever is in it.
	uint8_t frame[64] = {};

	while (!slots.empty()) {
		const auto batch = slots.first(std::min<size_t>(slots.size(), PNM_SETTLE_CAPACITY));

		std::copy(batch.begin(), batch.end(), settling.slots);
		settling.next = 0;
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
			    .repeat = static_cast<int>(batch.size()));
		const int result = bpf_prog_test_run_opts(programs_.settle_flow(), &run);

		// A signal ends it early; the rest is looked at the next time.
		if (result && errno != EINTR)
			throw KernelError("bpf(BPF_PROG_TEST_RUN)", errno);
		slots = slots.subspan(batch.size());
	}
}

void FlowPool::recycle(uint32_t slot)
{
	pnm_flow *flow = at(slot);

	if (!flow || !cookie_of(*flow))
		return;
	if (!(seen(flow->retired) & PNM_FLOW_RETIRED) && !(seen(flow->flags) & PNM_FLOW_CLOSED))
		throw KernelError("recycleFlow", EINVAL, "slot " + std::to_string(slot) + " is in use");
	forget_key(slot, flow->key);
	// The cookie first: a reader never takes half of a cleared slot for a flow.
	__atomic_store_n(&flow->key.socket_cookie, 0, __ATOMIC_RELEASE);
	static_assert(std::is_trivially_copyable_v<pnm_flow>);
	std::fill_n(reinterpret_cast<char *>(flow), sizeof(*flow), 0);
	checked(bpf_map_update_elem(programs_.free_slots(), nullptr, &slot, BPF_ANY),
		"bpf(BPF_MAP_UPDATE_ELEM) free_slots");
}

// Another slot may have taken the key over already; its entry stays.
void FlowPool::forget_key(uint32_t slot, const pnm_flow_key &key)
{
	const pnm_flow_key copy = key;
	uint32_t indexed;

	if (bpf_map_lookup_elem(programs_.flow_index(), &copy, &indexed) == 0 && indexed == slot)
		bpf_map_delete_elem(programs_.flow_index(), &copy);
}

} // namespace procnetmon
