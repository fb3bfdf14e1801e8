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
	struct tcp_progress now;
	struct payload_delta payload;

	if (!tcp_progress_read(&now, sk, sk->state))
		return;
	payload_advance(socket, &now, &payload);
	progress_count(flow, &now, &payload);
}

/* In the network namespace of the helper: only there the socket can be found. */
static __always_inline void flow_settle(struct __sk_buff *skb, struct pnm_flow *flow)
{
	struct bpf_sock_tuple tuple = {};
	bool is_kept = false;

	union address *remote = (union address *)flow->key.remote_address;
	__u32 tuple_bytes =
	    tuple_of(&tuple, remote, flow->key.remote_port, (union address *)flow->local_address,
		     flow->local_port, address_is_ipv4(remote));
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
