#include "socket_events.h"

#include "error.h"

#include <bpf/libbpf.h>

namespace procnetmon {
namespace {

// What one wake-up of the main loop may take: 2,048 events are some milliseconds of JavaScript.
constexpr size_t events_at_once = 2048;

bool is_known(uint32_t kind)
{
	switch (kind) {
	case PNM_EVENT_OPENED:
	case PNM_EVENT_ESTABLISHED:
	case PNM_EVENT_CLOSED:
	case PNM_EVENT_FAILED:
	case PNM_EVENT_LISTENING:
		return true;
	default:
		return false;
	}
}

} // namespace

void SocketEvents::Free::operator()(ring_buffer *ring) const
{
	ring_buffer__free(ring);
}

SocketEvents::SocketEvents(int ring) : ring_(ring_buffer__new(ring, take, this, nullptr))
{
	if (!ring_)
		throw KernelError("ring_buffer__new", errno);
}

int SocketEvents::fd() const
{
	return ring_buffer__epoll_fd(ring_.get());
}

bool SocketEvents::collect(std::vector<Event> &events)
{
	target_ = &events;
	taken_ = 0;
	const int result = ring_buffer__consume(ring_.get());

	target_ = nullptr;
	if (result < 0 && result != -ECANCELED)
		throw KernelError("ring_buffer__consume", -result);
	return taken_ < events_at_once;
}

int SocketEvents::take(void *self, void *data, size_t size)
{
	auto &events = *static_cast<SocketEvents *>(self);
	pnm_event event;

	if (size < sizeof(event)) {
		events.invalid_++;
		return 0;
	}
	std::memcpy(&event, data, sizeof(event));
	if (is_known(event.kind))
		events.target_->emplace_back(event);
	else
		events.invalid_++;
	return ++events.taken_ < events_at_once ? 0 : -ECANCELED;
}

} // namespace procnetmon
