/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Programs of cgroup for what is done with a socket: who owns it. They run in the caller's own context. */
#ifndef PROCNETMON_HOOK_CGROUP_SOCK_H
#define PROCNETMON_HOOK_CGROUP_SOCK_H

#include "failure.h"
#include "handover.h"
#include "hook_verdict.h"
#include "ownership.h"

SEC("cgroup/sock_create")
int socket_created(struct bpf_sock *sk)
{
	socket_track(sk, sk, sk->type, bpf_get_netns_cookie(sk));
	return CGROUP_ALLOW;
}

SEC("cgroup/sock_release")
int socket_released(struct bpf_sock *sk)
{
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct endpoints ends = {};

	if (!socket || !owner)
		return CGROUP_ALLOW;
	closer_note(sk, socket, owner);
	socket->is_released = 1;
	if (sk->protocol == IPPROTO_TCP && !(socket->flags & PNM_SOCKET_RAW)) {
		attempt_settle(socket, owner);
		/* TCP goes on after the last descriptor is closed, until tcp_progress() sees TCP_CLOSE.
		 * Adopted connections have no such callback: what little they still send opens a flow that is
		 * closed. */
		if (!(socket->flags & PNM_SOCKET_ADOPTED))
			return CGROUP_ALLOW;
		socket->flags |= PNM_SOCKET_RELEASED;
	}
	socket_close(socket, owner, protocol_of(socket, sk->protocol), PNM_EVENT_CLOSED, &ends,
		     socket->reset_seen ? PNM_REASON_RESET : PNM_REASON_NONE);
	return CGROUP_ALLOW;
}

static __always_inline void connect_called(struct bpf_sock_addr *context, const union address *remote)
{
	struct bpf_sock *sk = context->sk;

	socket_used(context, true);
	if (!sk || context->type != SOCK_STREAM || context->protocol != IPPROTO_TCP)
		return;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!socket || !owner)
		return;
	attempt_settle(socket, owner);
	attempt_note(socket, context, remote);
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *context)
{
	socket_bound(context);
	return CGROUP_ALLOW;
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *context)
{
	socket_bound(context);
	return CGROUP_ALLOW;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *context)
{
	union address remote;

	address_from_ipv4(&remote, context->user_ip4);
	connect_called(context, &remote);
	return CGROUP_ALLOW;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *context)
{
	union address remote = {.words = {context->user_ip6[0], context->user_ip6[1], context->user_ip6[2],
					  context->user_ip6[3]}};

	connect_called(context, &remote);
	return CGROUP_ALLOW;
}

/* Encrypted, a datagram does not tell where it goes. */
static __always_inline void send_called(struct bpf_sock_addr *context, const union address *remote)
{
	struct bpf_sock *sk = context->sk;

	socket_used(context, false);
	struct pnm_socket *socket = sk ? bpf_sk_storage_get(&sockets, sk, NULL, 0) : NULL;

	if (!socket)
		return;
	__builtin_memcpy(socket->attempted_address, remote->bytes, sizeof(socket->attempted_address));
	socket->attempted_port = bpf_ntohs((__be16)context->user_port);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *context)
{
	union address remote;

	address_from_ipv4(&remote, context->user_ip4);
	send_called(context, &remote);
	return CGROUP_ALLOW;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *context)
{
	union address remote = {.words = {context->user_ip6[0], context->user_ip6[1], context->user_ip6[2],
					  context->user_ip6[3]}};

	send_called(context, &remote);
	return CGROUP_ALLOW;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *context)
{
	socket_asked_for_peer(context);
	return CGROUP_ALLOW;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *context)
{
	socket_asked_for_peer(context);
	return CGROUP_ALLOW;
}

#endif
