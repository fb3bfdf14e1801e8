/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The program of sock_ops: the life of a TCP connection. */
#ifndef PROCNETMON_HOOK_SOCK_OPS_H
#define PROCNETMON_HOOK_SOCK_OPS_H

#include "counting.h"
#include "failure.h"
#include "hook_verdict.h"
#include "mptcp.h"
#include "ownership.h"
#include "time_wait.h"

/* Of a connection that found the flow pool full. */
STEP int payload_overflow(struct bpf_sock *sk, const struct pnm_socket *socket,
			  const struct payload_delta *payload)
{
	if (!payload->sent && !payload->received)
		return 0;
	struct pnm_overflow *entry = overflow_for(sk, socket);

	if (!entry)
		return 0;
	__sync_fetch_and_add(&statistics.dropped_flows, 1);
	count_payload(&entry->counters, payload);
	return 0;
}

/* tc sees a packet before TCP has taken it in, so the last acknowledgement of an exchange would wait for the
 * next packet to be counted. The callbacks come right after. */
static __always_inline void progress_note(struct bpf_sock_ops *context, struct bpf_sock *sk,
					  struct pnm_socket *socket, __u8 previous_state, __u8 state)
{
	struct pnm_flow *flow = last_flow(socket);
	struct payload_delta payload;
	struct tcp_progress now = {
	    .bytes_acked = context->bytes_acked,
	    .bytes_received = context->bytes_received,
	    .rcv_nxt = context->rcv_nxt,
	    .snd_nxt = context->snd_nxt,
	    .snd_una = context->snd_una,
	    .rtt_us = context->srtt_us >> 3,
	    .retransmits = context->total_retrans,
	    .state = state,
	    .previous_state = previous_state,
	};

	payload_advance(socket, &now, &payload);
	if (flow)
		progress_count(flow, &now, &payload);
	else
		payload_overflow(sk, socket, &payload);
}

#define CALLBACKS (BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG)

/* Added to what other programs asked for. */
static __always_inline void callbacks_enable(struct bpf_sock_ops *context)
{
	bpf_sock_ops_cb_flags_set(context, context->bpf_sock_ops_cb_flags | CALLBACKS);
}

/* A program that asks for callbacks of its own may let go of ours; it goes first where it is at a control
 * group below. Of connections from before there are none, and their end is told at the release. */
static __always_inline void callbacks_keep(struct bpf_sock_ops *context, const struct pnm_socket *socket)
{
	if ((context->bpf_sock_ops_cb_flags & CALLBACKS) != CALLBACKS &&
	    !(socket->flags & PNM_SOCKET_ADOPTED))
		callbacks_enable(context);
}

/* IPv6, TCP with its usual options (maximum segment size, timestamp, selective acknowledgement, window
 * scale), and the header of Ethernet. */
#define IPV6_ANSWER_BYTES (40 + 40 + 14)
/* The option of MPTCP there, which says that it is spoken, or that a path is to join (RFC 8684). */
#define MP_CAPABLE_BYTES 12
#define MP_JOIN_BYTES    16

/* The answer to a SYN counts on the listening socket. In other network namespaces it is counted at the
 * socket, and there it passes no hook over IPv6 in many kernels below 6.7. What the listener's flow lacks is
 * then worked out from the connection that was made; `socket` is still a copy of the listener's, but
 * for what it has of MPTCP. */
static __always_inline void answer_count(struct bpf_sock_ops *context, const struct pnm_socket *socket)
{
	struct pnm_flow *flow = last_flow(socket);
	__u32 remote[] = {context->remote_ip6[0], context->remote_ip6[1], context->remote_ip6[2]};
	bool is_mapped = !(remote[0] | remote[1] | (remote[2] ^ bpf_htonl(0xffff)));
	__u64 answers = 1 + (__u64)context->total_retrans, bytes = IPV6_ANSWER_BYTES;

	if (ipv6_answers_seen || !flow || !(socket->flags & PNM_SOCKET_FOREIGN) ||
	    context->family != AF_INET6 || is_mapped)
		return;
	if (socket->flags & PNM_SOCKET_LATER_PATH)
		bytes += MP_JOIN_BYTES;
	else if (socket->flags & PNM_SOCKET_PATH)
		bytes += MP_CAPABLE_BYTES;
	__sync_fetch_and_add(&flow->counters.wire_tx_packets, answers);
	__sync_fetch_and_add(&flow->counters.wire_tx_bytes, answers * bytes);
	wire_estimate_mark(flow);
}

/* A socket may be connected again, after an attempt that failed: its flow then goes on. */
static __always_inline void connect_begin(struct pnm_socket *socket, const struct endpoints *ends)
{
	struct pnm_flow *flow = last_flow(socket);
	struct pnm_flow_key key = {};

	socket->is_attempting = 0;
	life_begin(socket, bpf_ktime_get_ns());
	if (!flow)
		return;
	flow_key_fill(&key, socket, ends, flow->key.interface_index);
	if (!key_equals(&flow->key, &key)) {
		socket->slot = PNM_NO_SLOT;
		return;
	}
	flow->flags &= ~PNM_FLOW_CLOSED;
	flow->closed_ns = 0;
	flow->time_wait = PNM_TIME_WAIT_NONE;
	flow->reason = PNM_REASON_NONE;
}

static __always_inline struct event_detail connect_complete(struct pnm_socket *socket)
{
	struct event_detail detail = {};
	struct pnm_flow *flow = last_flow(socket);

	if (!socket->opened_ns)
		return detail;
	detail.duration_ns = bpf_ktime_get_ns() - socket->opened_ns;
	socket->connect_us = detail.duration_ns / 1000;
	if (flow)
		flow->connect_us = socket->connect_us;
	return detail;
}

static __always_inline void connection_end(struct bpf_sock_ops *context, struct bpf_sock *sk,
					   struct pnm_socket *socket, const struct pnm_owner *owner,
					   struct endpoints *ends, __u8 previous)
{
	enum pnm_reason reason = reason_of_end(socket, previous, context->rcv_nxt);
	bool is_finished = previous == TCP_CLOSING || (socket->flags & PNM_SOCKET_FIN_RECEIVED);

	if ((previous == TCP_FIN_WAIT2 || previous == TCP_CLOSING) && reason == PNM_REASON_NONE) {
		time_wait_begin(socket, owner, ends, is_finished, sk->bound_dev_if);
		if (!is_finished && (socket->flags & PNM_SOCKET_FOREIGN))
			last_packets_estimate(sk, socket, address_is_ipv4(&ends->remote));
	}
	/* What is under way to this end comes to no hook there. */
	if (reason == PNM_REASON_ABORTED && (socket->flags & PNM_SOCKET_FOREIGN))
		wire_estimate_mark(last_flow(socket));
	socket_close(socket, owner, IPPROTO_TCP,
		     previous == TCP_SYN_SENT ? PNM_EVENT_FAILED : PNM_EVENT_CLOSED, ends, reason);
}

/* Whether this is a moment in the midst of a connection. */
static __always_inline bool goes_on(const struct bpf_sock_ops *context, __u32 operation)
{
	return operation == BPF_SOCK_OPS_RTT_CB ||
	       (operation == BPF_SOCK_OPS_STATE_CB && context->args[1] != TCP_CLOSE);
}

SEC("sockops")
int tcp_progress(struct bpf_sock_ops *context)
{
	struct endpoints ends;
	struct bpf_sock *sk = context->sk;
	__u32 operation = context->op;

	if (!sk)
		return CGROUP_ALLOW;
	if (settings.tells_mptcp_socket &&
	    (operation == BPF_SOCK_OPS_TCP_CONNECT_CB || operation == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB))
		path_begin(context, sk);
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!socket || !owner)
		return CGROUP_ALLOW;
	if (settings.tells_mptcp_socket && (socket->flags & PNM_SOCKET_PATH) && goes_on(context, operation))
		path_continue(sk, socket, owner);
	if (operation == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB || goes_on(context, operation))
		callbacks_keep(context, socket);
	switch (operation) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		socket->flags = (socket->flags | PNM_SOCKET_OUTGOING) & ~PNM_SOCKET_ADOPTED;
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		connect_begin(socket, &ends);
		event_emit(PNM_EVENT_OPENED, owner, socket->cookie, IPPROTO_TCP, true, &ends);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		socket->flags |= PNM_SOCKET_LISTENING;
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_LISTENING, owner, socket->cookie, IPPROTO_TCP, false, &ends);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		/* The entries are still the listener's, copied when this socket was made. */
		answer_count(context, socket);
		if (!(socket->flags & PNM_SOCKET_LATER_PATH))
			owner->evidence = PNM_EVIDENCE_INHERITED;
		socket_reset(socket, owner, bpf_get_socket_cookie(context),
			     socket->flags & (PNM_SOCKET_FOREIGN | PNM_SOCKET_PATH | PNM_SOCKET_LATER_PATH));
		socket->opened_ns = bpf_ktime_get_ns();
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_ESTABLISHED, owner, socket->cookie, IPPROTO_TCP, false, &ends);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		endpoints_of_socket(&ends, sk);
		event_emit_with(PNM_EVENT_ESTABLISHED, owner, socket->cookie, IPPROTO_TCP, true, &ends,
				connect_complete(socket));
		break;
	case BPF_SOCK_OPS_RTO_CB:
		if (context->args[2])
			socket->is_expired = 1;
		break;
	case BPF_SOCK_OPS_RTT_CB:
		progress_note(context, sk, socket, context->state, context->state);
		break;
	case BPF_SOCK_OPS_STATE_CB: {
		__u8 previous = context->args[0], state = context->args[1];

		progress_note(context, sk, socket, previous, state);
		if (state == TCP_CLOSE) {
			endpoints_of_socket(&ends, sk);
			connection_end(context, sk, socket, owner, &ends, previous);
		}
		break;
	}
	}
	return CGROUP_ALLOW;
}

#endif
