#include "payload_samples.h"

#include "error.h"

#include <bpf/libbpf.h>

#include <cstring>
#include <utility>

namespace procnetmon {
namespace {

// What one wake-up of the main loop may take: 256 samples are about a millisecond of parsing.
constexpr size_t samples_at_once = 256;

} // namespace

void PayloadSamples::Free::operator()(ring_buffer *ring) const
{
	ring_buffer__free(ring);
}

PayloadSamples::PayloadSamples(int ring) : ring_(ring_buffer__new(ring, take, this, nullptr))
{
	if (!ring_)
		throw KernelError("ring_buffer__new", errno);
}

int PayloadSamples::fd() const
{
	return ring_buffer__epoll_fd(ring_.get());
}

std::vector<PayloadSample> PayloadSamples::collect()
{
	const int result = ring_buffer__consume(ring_.get());

	if (result < 0 && result != -ECANCELED)
		throw KernelError("ring_buffer__consume", -result);
	return std::exchange(taken_, {});
}

int PayloadSamples::take(void *self, void *data, size_t size)
{
	auto &samples = *static_cast<PayloadSamples *>(self);
	pnm_sample head;

	if (size < sizeof(head)) {
		samples.invalid_++;
		return 0;
	}
	std::memcpy(&head, data, sizeof(head));
	if (head.copied_bytes > size - sizeof(head) || head.copied_bytes > head.payload_bytes) {
		samples.invalid_++;
		return 0;
	}
	const auto *bytes = static_cast<const uint8_t *>(data) + sizeof(head);

	samples.taken_.push_back({head, {bytes, bytes + head.copied_bytes}});
	return samples.taken_.size() < samples_at_once ? 0 : -ECANCELED;
}

} // namespace procnetmon
