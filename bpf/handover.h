/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Sockets that go from one process to another: by fork, by accept() on a listening socket of several, in a
 * message over a Unix socket.
 *
 * A socket that only one process has used is that one's as a whole, whoever made it: its flow is given to the
 * user together with what was counted already. Where a second process takes over from a first that used it, a
 * flow of its own begins. Certain are the hooks that run in the caller's context. Who sent the first payload
 * is as good as certain: nothing is in flight then that could have a packet sent from somewhere else. Who
 * closed the last descriptor is likely to be the user, and is marked as an estimate. */
#ifndef PROCNETMON_HANDOVER_H
#define PROCNETMON_HANDOVER_H

#include "ipsec.h"
#include "ownership.h"
#include "packet.h"

/* Gives the socket's flow, with all that was counted on it, to the owner of the socket. */
static __always_inline void flow_give(struct pnm_socket *socket, const struct pnm_owner *owner, __u8 flags)
{
	struct pnm_flow *flow = last_flow(socket);
	struct pnm_flow_key key;
	__u32 slot = socket->slot;

	socket->process_id = owner->process_id;
	if (!flow || (flow->retired & PNM_FLOW_RETIRED))
		return;
	key = flow->key;
	bpf_map_delete_elem(&flow_index, &key);
	key.process_id = owner->process_id;
	bpf_map_update_elem(&flow_index, &key, &slot, BPF_ANY);
	flow->user_id = owner->user_id;
	__builtin_memcpy(flow->name, owner->name, sizeof(flow->name));
	flow->flags |= flags;
	flow->uninspected = 0;
	flow->key.process_id = owner->process_id;
}

/* From now on both count, each on flows of its own. What is received cannot be told apart. */
static __always_inline void flow_share(struct pnm_socket *socket, struct pnm_owner *owner)
{
	struct pnm_flow *flow = last_flow(socket);

	owner->evidence = PNM_EVIDENCE_SHARED;
	socket->process_id = owner->process_id;
	if (flow)
		flow->flags |= PNM_FLOW_ESTIMATE;
}

/* The kernel closes for others: what was passed on and never taken, and what an interrupt has let go. */
static __always_inline bool is_kernel_worker(const char name[PNM_NAME_BYTES])
{
	return name[0] == 'k' && name[1] == 'w' && name[2] == 'o' && name[3] == 'r' && name[4] == 'k' &&
	       name[5] == 'e' && name[6] == 'r' && name[7] == '/';
}

/* bind() says whose the TCP socket is that the kernel has made below an MPTCP one to listen on. */
static __always_inline void socket_bound(struct bpf_sock_addr *context)
{
	struct bpf_sock *sk = context->sk;
	char name[PNM_NAME_BYTES];

	if (!sk || !is_counted_family(context->family) || bpf_sk_storage_get(&owners, sk, NULL, 0))
		return;
	bpf_get_current_comm(name, sizeof(name));
	/* It binds and connects the further paths of MPTCP. */
	if (!is_kernel_worker(name))
		socket_track(context, sk, context->type, bpf_get_netns_cookie(context));
}

/* connect() and sendmsg() say who uses a socket, also one that was there before the helper. */
static __always_inline void socket_used(struct bpf_sock_addr *context, bool is_connect)
{
	struct bpf_sock *sk = context->sk;

	if (!sk || !is_counted_family(context->family))
		return;
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (is_connect) {
		struct pnm_owner user;

		owner_set_to_caller(&user);
		if (is_kernel_worker(user.name))
			return;
	}
	if (!owner) {
		socket_track(context, sk, context->type, bpf_get_netns_cookie(context));
		return;
	}
	if (owner->process_id == caller()) {
		if (!is_connect && owner->evidence < PNM_EVIDENCE_USED)
			owner->evidence = PNM_EVIDENCE_USED;
		return;
	}
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	__u32 evidence = owner->evidence;

	owner_set_to_caller(owner);
	if (!socket)
		return;
	if (evidence >= PNM_EVIDENCE_USED) {
		flow_share(socket, owner);
		return;
	}
	if (!is_connect)
		owner->evidence = PNM_EVIDENCE_USED;
	flow_give(socket, owner, 0);
}

/* accept() asks for the peer of the new connection when the caller wants its address, as most programs do;
 * and getpeername() does. */
static __always_inline void socket_asked_for_peer(struct bpf_sock_addr *context)
{
	struct bpf_sock *sk = context->sk;

	if (!sk)
		return;
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

	if (!owner || !socket || owner->evidence > PNM_EVIDENCE_TAKEN)
		return;
	if (owner->process_id == caller()) {
		owner->evidence = PNM_EVIDENCE_TAKEN;
		return;
	}
	owner_set_to_caller(owner);
	flow_give(socket, owner, 0);
}

/* Data that was given to TCP with the SYN (MSG_FASTOPEN) and that the SYN could not carry goes out when the
 * SYN is answered, whoever runs then: before it, nothing but the SYN was sent. */
static __always_inline bool is_sent_by_answer(struct __sk_buff *skb, struct bpf_sock *sk,
					      const struct pnm_socket *socket)
{
	struct bpf_tcp_sock *tcp;
	__u32 now = skb->gso_segs > 1 ? skb->gso_segs : 1;

	if (sk->protocol != IPPROTO_TCP || !(socket->flags & PNM_SOCKET_OUTGOING))
		return false;
	tcp = bpf_tcp_sock(sk);
	return tcp && tcp->segs_out < now + 2;
}

/* Whether a connection has sent nothing so far that the program gave it, where the packet does not tell. */
static __always_inline bool is_without_data(struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tcp = sk->protocol == IPPROTO_TCP ? bpf_tcp_sock(sk) : NULL;

	return tcp && !tcp->data_segs_out;
}

/* Who runs while the first payload of a socket is sent. Later packets say nothing: TCP sends them also when
 * an acknowledgement comes, whoever runs then. A process that nobody watches is believed only when it turns
 * out to close the socket too. Of `packet` only the space is needed. */
STEP int sender_note(struct __sk_buff *skb, struct bpf_sock *sk, struct pnm_socket *socket,
		     struct packet *packet)
{
	if (!packet_read(skb, packet) ||
	    packet->total_bytes <= (__u32)packet->network_header_bytes + packet->transport_header_bytes)
		return 0;
	if (packet->protocol != sk->protocol && is_without_data(sk))
		return 0;
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	__u32 sender = caller();

	if (is_sent_by_answer(skb, sk, socket))
		sender = 0;
	socket->sender = sender ? sender : PNM_NO_PROCESS;
	if (!sender || !owner || owner->evidence >= PNM_EVIDENCE_USED)
		return 0;
	if (owner->process_id != sender) {
		if (!bpf_map_lookup_elem(&watched, &sender))
			return 0;
		owner->process_id = sender;
		/* Neither can be asked for here. */
		owner->user_id = PNM_NO_USER;
		__builtin_memset(owner->name, 0, sizeof(owner->name));
		flow_give(socket, owner, 0);
	}
	owner->evidence = PNM_EVIDENCE_USED;
	return 0;
}

/* The last descriptor is closed. Where nobody tells who sent, a process that connected is believed to have
 * used the connection, rather than one that has inherited a descriptor of it. */
static __always_inline void closer_note(struct bpf_sock *sk, struct pnm_socket *socket,
					struct pnm_owner *owner)
{
	struct pnm_owner closer;
	bool is_accepted = sk->protocol == IPPROTO_TCP && !(socket->flags & PNM_SOCKET_RAW) &&
			   !(socket->flags & PNM_SOCKET_OUTGOING);
	bool is_known = socket->sender && socket->sender != PNM_NO_PROCESS;

	if (socket->flags & PNM_SOCKET_LISTENING)
		return;
	owner_set_to_caller(&closer);
	if (is_kernel_worker(closer.name))
		return;
	/* It took a descriptor to look at the socket, and whoever used the socket has closed it meanwhile. */
	bool is_helper = closer.process_id == settings.helper_process_id;

	if (is_helper)
		closer = looked_at;
	if (is_helper && (is_known || !closer.process_id)) {
		closer.process_id = is_known ? socket->sender : owner->process_id;
		closer.user_id = 0;
		__builtin_memset(closer.name, 0, sizeof(closer.name));
	}
	bool is_other = owner->process_id != closer.process_id;

	if (is_other && owner->evidence <= PNM_EVIDENCE_TAKEN && (is_accepted || settings.tells_sender)) {
		*owner = closer;
		flow_give(socket, owner,
			  !is_helper && socket->sender == closer.process_id ? 0 : PNM_FLOW_ESTIMATE);
		return;
	}
	/* Two have had it, and the owner need not be the one who has done all. Or nobody has told who
	 * accepted it. */
	if (is_other || (is_known && socket->sender != owner->process_id) ||
	    (is_helper && owner->evidence == PNM_EVIDENCE_INHERITED)) {
		struct pnm_flow *flow = last_flow(socket);

		if (flow)
			flow->flags |= PNM_FLOW_ESTIMATE;
	}
}

#endif
