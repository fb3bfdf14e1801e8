/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A look at a connection when nothing happens to it. TCP takes a packet in after the hooks have seen it, and
 * not every acknowledgement has a callback: what the last packet brought would wait for the next one. Sockets
 * that were there before have no callbacks at all, and a TIME_WAIT entry goes without a word. */
#ifndef PROCNETMON_SETTLING_H
#define PROCNETMON_SETTLING_H

#include "counting.h"

static __always_inline void connection_settle(struct pnm_flow *flow, struct bpf_sock *sk,
					      struct pnm_socket *socket)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	__u8 state = sk->state;

	if (!tcp)
		return;
	struct tcp_progress now = {
	    .bytes_acked = tcp->bytes_acked,
	    .bytes_received = tcp->bytes_received,
	    .rcv_nxt = tcp->rcv_nxt,
	    .snd_nxt = tcp->snd_nxt,
	    .snd_una = tcp->snd_una,
	    .state = state,
	    .previous_state = state,
	};

	count_payload(&flow->counters, payload_advance(socket, &now));
	flow->state = state;
	flow->rtt_us = tcp->srtt_us >> 3;
	flow->retransmits = tcp->total_retrans;
}

/* In the network namespace of the helper: only there the socket can be found. */
static __always_inline void flow_settle(struct __sk_buff *skb, struct pnm_flow *flow)
{
	struct bpf_sock_tuple tuple = {};
	struct endpoints ends;
	bool is_kept = false;

	endpoints_of_flow(&ends, flow);
	__u32 tuple_bytes = tuple_of(&tuple, &ends, address_is_ipv4(&ends.remote));
	struct bpf_sock *found = bpf_skc_lookup_tcp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);

	if (found) {
		struct bpf_sock *sk = bpf_sk_fullsock(found);

		if (sk && sk->state != TCP_LISTEN) {
			struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

			if (socket && socket->cookie == flow->key.socket_cookie &&
			    !(flow->flags & PNM_FLOW_CLOSED))
				connection_settle(flow, sk, socket);
		} else if (!sk) {
			is_kept = found->state == TCP_TIME_WAIT;
		}
		bpf_sk_release(found);
	}
	if (flow->time_wait == PNM_TIME_WAIT_KEPT && !is_kept) {
		flow->state = TCP_CLOSE;
		flow->time_wait = PNM_TIME_WAIT_NONE;
	}
}

#endif
