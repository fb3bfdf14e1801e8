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
	__u32 rtt_us;
	__u32 retransmits;
	__u8 state;
	__u8 previous_state; /* differs from `state` in a state callback only */
	__u8 padding[2];
};

struct payload_delta {
	__u64 sent;
	__u64 received;
};

/* Of a full socket of TCP, in whatever state; false when the kernel does not tell. */
static __always_inline bool tcp_progress_read(volatile struct tcp_progress *now, struct bpf_sock *sk,
					      __u8 state)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	if (!tcp)
		return false;
	now->bytes_acked = tcp->bytes_acked;
	now->bytes_received = tcp->bytes_received;
	now->rcv_nxt = tcp->rcv_nxt;
	now->snd_nxt = tcp->snd_nxt;
	now->snd_una = tcp->snd_una;
	now->rtt_us = tcp->srtt_us >> 3;
	now->retransmits = tcp->total_retrans;
	now->state = state;
	now->previous_state = state;
	return true;
}

/* In the same pieces and the same order; see packet_forget(). */
static __always_inline void tcp_progress_clear(volatile struct tcp_progress *now)
{
	__u64 zero = forgotten(0);

	now->bytes_acked = zero;
	now->bytes_received = zero;
	now->rcv_nxt = zero;
	now->snd_nxt = zero;
	now->snd_una = zero;
	now->rtt_us = zero;
	now->retransmits = zero;
	now->state = zero;
	now->previous_state = zero;
}

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

/* `network_bytes` are those of a bundle too that is longer than its header can say. */
static __always_inline void note_peer_fin(struct pnm_socket *socket, const struct packet *packet,
					  __u32 network_bytes)
{
	__u32 total_bytes = packet->total_bytes ? packet->total_bytes : network_bytes;

	if (!packet->is_fin || (socket->flags & PNM_SOCKET_FIN_SEEN))
		return;
	socket->fin_end = packet->sequence + total_bytes - packet->network_header_bytes -
			  packet->transport_header_bytes + 1;
	bpf_spin_lock(&socket->lock);
	socket->flags |= PNM_SOCKET_FIN_SEEN;
	bpf_spin_unlock(&socket->lock);
}

/* What has come to the payload since the last call for this socket, from any CPU. */
static __always_inline void payload_advance(struct pnm_socket *socket, const struct tcp_progress *now,
					    struct payload_delta *delta)
{
	__u64 acked = now->bytes_acked;
	__u64 received = now->bytes_received;
	__u32 fins = (fin_is_acked(now) ? PNM_SOCKET_FIN_ACKED : 0) |
		     (fin_is_received(socket, now) ? PNM_SOCKET_FIN_RECEIVED : 0);
	__u64 sent_now, received_now;

	fins = forgotten(fins);
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
	sent_now = acked - socket->payload_acked;
	received_now = received - socket->payload_received;
	/* An older look at the socket, overtaken by another CPU, adds nothing. */
	if ((__s64)sent_now < -1)
		sent_now = 0;
	else
		socket->payload_acked = acked;
	if ((__s64)received_now < -1)
		received_now = 0;
	else
		socket->payload_received = received;
	bpf_spin_unlock(&socket->lock);
	delta->sent = forgotten(sent_now);
	delta->received = forgotten(received_now);
}

#endif
