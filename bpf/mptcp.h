/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* MPTCP: the program has one socket, and its connection takes several paths, each a connection of TCP with a
 * socket of its own. The paths after the first are opened or accepted by the kernel itself, and what runs
 * then is a kernel worker, an interrupt, or whoever tells the kernel of an address. So a path asks the MPTCP
 * socket for its owner, from Linux 5.19 on.
 *
 * Only in the callbacks of sock_ops: they hold the path's lock, and so the path keeps its MPTCP socket.
 * Elsewhere the way to it may be gone, and some kernels crash. */
#ifndef PROCNETMON_MPTCP_H
#define PROCNETMON_MPTCP_H

#include "handover.h"
#include "ownership.h"

/* A path begins: its SYN is to be sent, or it was accepted. Who connects the first path is who has the MPTCP
 * socket. What an accepted path has of its listener goes by what the MPTCP socket has. */
STEP int path_begin(struct bpf_sock_ops *context, struct bpf_sock *sk)
{
	struct mptcp_sock *connection = bpf_skc_to_mptcp_sock(sk);

	if (!connection)
		return 0;
	struct pnm_owner *whole = bpf_sk_storage_get(&owners, connection, NULL, 0);
	struct pnm_socket *state = bpf_sk_storage_get(&sockets, connection, NULL, 0);

	if (!whole || !state)
		return 0;
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!owner || !socket)
		return 0;
	bool is_first = !(state->flags & PNM_SOCKET_PATH);
	bool is_accepted = context->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;

	if (is_first && is_accepted)
		whole->evidence = PNM_EVIDENCE_INHERITED;
	if (is_first && !is_accepted && owner->process_id)
		*whole = *owner;
	else
		*owner = *whole;
	if (!socket->cookie)
		socket_reset(socket, owner, bpf_get_socket_cookie(context),
			     state->flags & PNM_SOCKET_FOREIGN);
	socket->process_id = owner->process_id;
	socket->flags |= PNM_SOCKET_PATH;
	state->flags |= PNM_SOCKET_PATH;
	if (is_first)
		return 0;
	/* Whoever runs when it first sends need not be the sender: an acknowledgement that came over another
	 * path may be the cause. */
	socket->flags |= PNM_SOCKET_LATER_PATH;
	state->flags |= PNM_SOCKET_LATER_PATH;
	socket->sender = PNM_NO_PROCESS;
	return 0;
}

/* Each learns from the other what is more certain. */
static __always_inline void owner_follow(struct pnm_socket *socket, struct pnm_owner *owner,
					 struct pnm_owner *whole, const struct pnm_socket *state)
{
	bool is_shared = whole->evidence == PNM_EVIDENCE_SHARED || owner->evidence >= PNM_EVIDENCE_USED;

	if (owner->evidence > whole->evidence) {
		*whole = *owner;
		return;
	}
	if (owner->process_id == whole->process_id) {
		owner->evidence = whole->evidence;
		return;
	}
	*owner = *whole;
	if (is_shared)
		flow_share(socket, owner);
	else
		/* Who has closed it is likely to have used it. */
		flow_give(socket, owner, state->is_released ? PNM_FLOW_ESTIMATE : 0);
}

/* A path goes on. The MPTCP socket may have gone from one process to another, which tells nothing of its
 * paths; who sends is told of a path. And what is slow on one of several paths goes over another one too. */
STEP int path_continue(struct bpf_sock *sk, struct pnm_socket *socket, struct pnm_owner *owner)
{
	struct mptcp_sock *connection = bpf_skc_to_mptcp_sock(sk);

	if (!connection)
		return 0;
	struct pnm_owner *whole = bpf_sk_storage_get(&owners, connection, NULL, 0);
	struct pnm_socket *state = bpf_sk_storage_get(&sockets, connection, NULL, 0);

	if (!whole || !state)
		return 0;
	owner_follow(socket, owner, whole, state);
	if (state->flags & PNM_SOCKET_LATER_PATH) {
		struct pnm_flow *flow = last_flow(socket);

		socket->has_other_paths = 1;
		if (flow)
			flow->flags |= PNM_FLOW_PAYLOAD_ESTIMATE;
	}
	return 0;
}

#endif
