/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* TCP's payload ledger, from the kernel's own count of bytes acknowledged and received (RFC 4898).
 *
 * SYN and FIN take a place in the sequence space, and the kernel counts them as bytes. What is taken off:
 * our SYN, once acknowledged, on connections that we opened; our FIN, once acknowledged; the peer's FIN. */
#ifndef PROCNETMON_TCP_H
#define PROCNETMON_TCP_H

#include "maps.h"
#include "packet.h"

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_LISTEN = 10,
	TCP_CLOSING = 11,
};

/* What the kernel says of a connection at one moment. */
struct tcp_progress {
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 snd_una;
	__u8 state;
	__u8 previous_state; /* differs from `state` in a state callback only */
};

struct payload_delta {
	__u64 sent;
	__u64 received;
};

static __always_inline bool fin_is_acked(const struct tcp_progress *now)
{
	if (now->state == TCP_FIN_WAIT2)
		return true;
	return now->state == TCP_CLOSE && now->snd_una == now->snd_nxt &&
	       (now->previous_state == TCP_LAST_ACK || now->previous_state == TCP_CLOSING ||
		now->previous_state == TCP_FIN_WAIT2);
}

static __always_inline bool fin_is_received(const struct pnm_socket *socket, const struct tcp_progress *now)
{
	if (now->state == TCP_CLOSE_WAIT || now->state == TCP_LAST_ACK || now->state == TCP_CLOSING)
		return true;
	/* In FIN_WAIT2 the state tells nothing: the socket leaves it for TIME_WAIT with and without a FIN. */
	return (socket->flags & PNM_SOCKET_FIN_SEEN) && now->rcv_nxt == socket->fin_end;
}

static __always_inline void note_peer_fin(struct pnm_socket *socket, const struct packet *packet)
{
	if (!packet->is_fin || (socket->flags & PNM_SOCKET_FIN_SEEN))
		return;
	socket->fin_end = packet->fin_end;
	bpf_spin_lock(&socket->lock);
	socket->flags |= PNM_SOCKET_FIN_SEEN;
	bpf_spin_unlock(&socket->lock);
}

/* What has come to the payload since the last call for this socket, from any CPU. */
static __always_inline struct payload_delta payload_advance(struct pnm_socket *socket,
							    const struct tcp_progress *now)
{
	struct payload_delta delta;
	__u64 acked = now->bytes_acked;
	__u64 received = now->bytes_received;
	__u32 fins = (fin_is_acked(now) ? PNM_SOCKET_FIN_ACKED : 0) |
		     (fin_is_received(socket, now) ? PNM_SOCKET_FIN_RECEIVED : 0);

	bpf_spin_lock(&socket->lock);
	__u32 flags = socket->flags | fins;

	socket->flags = flags;
	if ((flags & PNM_SOCKET_OUTGOING) && acked)
		acked--;
	if ((flags & PNM_SOCKET_FIN_ACKED) && acked)
		acked--;
	if ((flags & PNM_SOCKET_FIN_RECEIVED) && received)
		received--;
	/* May be -1, modulo 2^64, where a FIN was taken for payload a moment ago: the sum is right. */
	delta.sent = acked - socket->payload_acked;
	delta.received = received - socket->payload_received;
	/* An older look at the socket, overtaken by another CPU, adds nothing. */
	if ((__s64)delta.sent < -1)
		delta.sent = 0;
	else
		socket->payload_acked = acked;
	if ((__s64)delta.received < -1)
		delta.received = 0;
	else
		socket->payload_received = received;
	bpf_spin_unlock(&socket->lock);
	return delta;
}

#endif
