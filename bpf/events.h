/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Events of watched processes, through the ring buffer. What finds no room is counted, never waited for. */
#ifndef PROCNETMON_EVENTS_H
#define PROCNETMON_EVENTS_H

#include "address.h"
#include "maps.h"

/* What an event says beside what happened. */
struct event_detail {
	__u8 reason;
	__u64 duration_ns;
};

static __always_inline void event_emit_with(enum pnm_event_kind kind, const struct pnm_owner *owner,
					    __u64 cookie, __u16 protocol, bool outgoing,
					    const struct endpoints *ends, struct event_detail detail)
{
	__u32 process_id = owner->process_id;

	if (!is_told_of(owner->user_id) || !bpf_map_lookup_elem(&watched, &process_id))
		return;
	struct pnm_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&statistics.dropped_events, 1);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->socket_cookie = cookie;
	event->kind = kind;
	event->process_id = process_id;
	event->protocol = protocol;
	event->outgoing = outgoing;
	event->reason = detail.reason;
	event->duration_ns = detail.duration_ns;
	__builtin_memcpy(event->local_address, ends->local.bytes, sizeof(event->local_address));
	__builtin_memcpy(event->remote_address, ends->remote.bytes, sizeof(event->remote_address));
	event->local_port = ends->local_port;
	event->remote_port = ends->remote_port;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void event_emit(enum pnm_event_kind kind, const struct pnm_owner *owner, __u64 cookie,
				       __u16 protocol, bool outgoing, const struct endpoints *ends)
{
	struct event_detail nothing = {};

	event_emit_with(kind, owner, cookie, protocol, outgoing, ends, nothing);
}

#endif
