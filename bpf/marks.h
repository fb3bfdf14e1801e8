/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What tc says of a packet to whoever sees it next: tc at a further device, and the program at the socket. It
 * stands in two bits of skb->tc_index, where it stays on the packet's way.
 *
 *   low          sent: counted. Received: tc has seen it, and leaves it to packet_in()
 *   high         received: a fragment, of which is noted what it took; later the whole datagram has it
 *   low and high received, and counted
 *
 * Over loopback and veth a sent packet becomes a received one. Everything that passes count_ingress() gets a
 * mark. So what comes to the socket with none has either not passed there, or a filter of another tool has
 * ended the classification, and the kernel has put its class over the mark. */
#ifndef PROCNETMON_MARKS_H
#define PROCNETMON_MARKS_H

#include "maps.h"

static __always_inline __u32 mark_of(const struct __sk_buff *skb)
{
	return skb->tc_index & (settings.mark_low | settings.mark_high);
}

/* A program of another tool that ends the chain (TCX_PASS) has the kernel copy `tc_classid` over `tc_index`,
 * and the mark with it. So both are kept the same. */
static __always_inline void mark_set(struct __sk_buff *skb, __u32 mark)
{
	skb->tc_index = (skb->tc_index & ~(settings.mark_low | settings.mark_high)) | mark;
	skb->tc_classid = skb->tc_index;
}

static __always_inline void mark_keep(struct __sk_buff *skb)
{
	skb->tc_classid = skb->tc_index;
}

static __always_inline void mark_sent(struct __sk_buff *skb)
{
	mark_set(skb, settings.mark_low);
}

static __always_inline bool is_marked_sent(const struct __sk_buff *skb)
{
	return skb->tc_index & settings.mark_low;
}

static __always_inline void mark_left(struct __sk_buff *skb)
{
	mark_set(skb, settings.mark_low);
}

static __always_inline void mark_fragment(struct __sk_buff *skb)
{
	mark_set(skb, settings.mark_high);
}

/* Whether a datagram was whole when tc saw it. */
static __always_inline bool is_marked_whole(const struct __sk_buff *skb)
{
	return mark_of(skb) == settings.mark_low;
}

static __always_inline void mark_received(struct __sk_buff *skb)
{
	mark_set(skb, settings.mark_low | settings.mark_high);
}

static __always_inline bool is_marked_received(const struct __sk_buff *skb)
{
	return mark_of(skb) == (settings.mark_low | settings.mark_high);
}

/* Whether tc has counted a packet that comes to the socket of a connection. Where its mark is lost, the
 * socket tells: of all that tc has counted on it, so many packets have not come yet. */
static __always_inline bool is_counted_by_tc(const struct __sk_buff *skb, struct pnm_socket *socket)
{
	if (mark_of(skb) == settings.mark_low || mark_of(skb) == settings.mark_high)
		return false;
	if (socket->arriving > 0) {
		__sync_fetch_and_add(&socket->arriving, -1);
		return true;
	}
	return is_marked_received(skb);
}

#endif
