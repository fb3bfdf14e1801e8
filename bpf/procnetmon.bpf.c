// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The kernel half: who owns a socket, and what passes it.
 *
 * Ownership comes from hooks that run in the caller's own context (cgroup sock_create and connect); counting
 * from tc, which sees packets as the interface carries them, and from cgroup_skb for what tc cannot
 * attribute. Only stable interfaces are used: no kernel structs, no kprobes, no tracing programs, so one
 * object serves every kernel from 5.10 on, a locked-down one too. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "procnetmon.h"
#include "maps.h"
#include "address.h"
#include "packet.h"
#include "events.h"
#include "flow.h"
#include "tcp.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* tc: go on with the next program (TCX_NEXT, TC_ACT_UNSPEC). */
#define TC_NEXT      (-1)
#define CGROUP_ALLOW 1

#define SOCK_STREAM 1
#define SOCK_DGRAM  2

/* Ethernet, where the device is not known: one of another network namespace. */
#define DEFAULT_LINK_HEADER_BYTES 14

static __always_inline bool is_counted_protocol(__u32 family, __u32 type, __u32 protocol)
{
	return (family == AF_INET || family == AF_INET6) &&
	       ((type == SOCK_STREAM && protocol == IPPROTO_TCP) ||
		(type == SOCK_DGRAM && protocol == IPPROTO_UDP));
}

static __always_inline void owner_set_to_caller(struct pnm_owner *owner)
{
	owner->process_id = bpf_get_current_pid_tgid() >> 32;
	owner->user_id = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(owner->name, sizeof(owner->name));
}

/* Whether a network namespace, by its cookie, is another one than the helper's. Kernels below 5.14 cannot
 * tell the helper its own; there it is taken for the initial one. */
static __always_inline bool is_foreign(__u64 network_namespace)
{
	__u64 home = settings.network_namespace;

	return network_namespace != (home ? home : bpf_get_netns_cookie(NULL));
}

static __always_inline void socket_reset(struct pnm_socket *socket, __u64 cookie, __u32 flags)
{
	socket->cookie = cookie;
	socket->payload_acked = 0;
	socket->payload_received = 0;
	socket->slot = PNM_NO_SLOT;
	socket->fin_end = 0;
	socket->flags = flags;
}

static __always_inline struct pnm_wire_amount wire_amount_of(const struct __sk_buff *skb,
							     const struct packet *packet, __u32 network_bytes,
							     __u32 link_header_bytes)
{
	__u32 segments = skb->gso_segs > 1 ? skb->gso_segs : 1;
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;
	struct pnm_wire_amount amount = {
	    .bytes = (__u64)network_bytes + (__u64)segments * link_header_bytes +
		     (__u64)(segments - 1) * header_bytes,
	    .packets = segments,
	};

	return amount;
}

/* The content of a datagram, or of a bundle of them: the UDP header of a bundle tells one segment's length.
 */
static __always_inline __u32 datagram_content(const struct __sk_buff *skb, const struct packet *packet,
					      __u32 network_bytes)
{
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;

	if (skb->gso_segs <= 1)
		return packet->payload_bytes;
	return network_bytes > header_bytes ? network_bytes - header_bytes : 0;
}

static __always_inline void count_payload(struct pnm_counters *counters, struct payload_delta payload)
{
	if (payload.sent)
		__sync_fetch_and_add(&counters->payload_tx_bytes, payload.sent);
	if (payload.received)
		__sync_fetch_and_add(&counters->payload_rx_bytes, payload.received);
}

static __always_inline void count(struct pnm_counters *counters, bool is_out, struct pnm_wire_amount wire,
				  struct payload_delta payload)
{
	if (is_out) {
		__sync_fetch_and_add(&counters->wire_tx_bytes, wire.bytes);
		__sync_fetch_and_add(&counters->wire_tx_packets, wire.packets);
	} else {
		__sync_fetch_and_add(&counters->wire_rx_bytes, wire.bytes);
		__sync_fetch_and_add(&counters->wire_rx_packets, wire.packets);
	}
	count_payload(counters, payload);
}

/* The peer of a datagram on a socket that is not connected: the packet names it. Fragments after the first
 * have no ports; they follow the first one on the same socket, whose flow is still at hand. */
static __always_inline void take_peer_from_packet(struct endpoints *ends, const struct pnm_socket *socket,
						  const struct packet *packet, bool is_out)
{
	ends->remote = is_out ? packet->destination : packet->source;
	ends->remote_port = is_out ? packet->destination_port : packet->source_port;
	if (!packet->is_later_fragment)
		return;
	struct pnm_flow *last = last_flow(socket);

	if (last)
		ends->remote_port = last->key.remote_port;
}

/* Puts one packet on its flow, or on its process when the flow pool is full. */
static __always_inline void count_packet(struct __sk_buff *skb, struct bpf_sock *sk,
					 struct pnm_socket *socket, const struct packet *packet, bool is_out,
					 __u32 network_bytes, struct pnm_wire_amount wire)
{
	struct payload_delta payload = {};
	struct endpoints ends;
	struct pnm_flow_key key = {};
	struct bpf_tcp_sock *tcp = NULL;
	__u8 state = PNM_STATE_DATAGRAM;

	endpoints_of_socket(&ends, sk);
	if (packet->protocol == IPPROTO_TCP) {
		/* What an accepted socket inherits is the listener's until it is established: so is its
		 * traffic. */
		state = socket->flags & PNM_SOCKET_LISTENING ? TCP_LISTEN : sk->state;
		if (state != TCP_LISTEN) {
			tcp = bpf_tcp_sock(sk);
			if (!is_out)
				note_peer_fin(socket, packet);
		}
		if (tcp) {
			struct tcp_progress now = {
			    .bytes_acked = tcp->bytes_acked,
			    .bytes_received = tcp->bytes_received,
			    .rcv_nxt = tcp->rcv_nxt,
			    .snd_nxt = tcp->snd_nxt,
			    .snd_una = tcp->snd_una,
			    .state = state,
			    .previous_state = state,
			};

			payload = payload_advance(socket, &now);
		}
	} else {
		if (!ends.remote_port)
			take_peer_from_packet(&ends, socket, packet, is_out);
		ends.local = is_out ? packet->source : packet->destination;
		if (is_out)
			payload.sent = datagram_content(skb, packet, network_bytes);
		else
			payload.received = datagram_content(skb, packet, network_bytes);
	}

	flow_key_fill(&key, socket->cookie, &ends, skb->ifindex);
	struct pnm_flow *flow = flow_for(sk, socket, &key, &ends, packet->protocol, state);

	if (!flow) {
		struct pnm_counters *counters = overflow_for(sk);

		if (counters)
			count(counters, is_out, wire, payload);
		return;
	}
	count(&flow->counters, is_out, wire, payload);
	flow->last_ns = bpf_ktime_get_ns();
	flow->state = state;
	if (tcp) {
		flow->rtt_us = tcp->srtt_us >> 3;
		flow->retransmits = tcp->total_retrans;
	}
}

/* The last packet has passed: says so on the flow and to whoever watches. Where the hook is shown no
 * addresses, `ends` is empty, and the last flow gives them. */
static __always_inline void socket_close(struct pnm_socket *socket, const struct pnm_owner *owner,
					 __u8 protocol, enum pnm_event_kind kind, struct endpoints *ends)
{
	struct pnm_flow *flow = last_flow(socket);

	if (flow) {
		flow->flags |= PNM_FLOW_CLOSED;
		if (!ends->local_port)
			endpoints_of_flow(ends, flow);
	}
	event_emit(kind, owner, socket->cookie, protocol, socket->flags & PNM_SOCKET_OUTGOING, ends);
}

static __always_inline void datagram_key(struct pnm_datagram *key, const struct packet *packet)
{
	__builtin_memcpy(key->source, packet->source.bytes, sizeof(key->source));
	__builtin_memcpy(key->destination, packet->destination.bytes, sizeof(key->destination));
	key->identification = packet->identification;
	key->protocol = packet->protocol;
}

static __always_inline void fragment_note(const struct packet *packet, __u64 wire_bytes)
{
	struct pnm_datagram key;
	struct pnm_wire_amount none = {};

	datagram_key(&key, packet);
	fragments_seen = true;
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&fragments, &key);

	if (!amount) {
		bpf_map_update_elem(&fragments, &key, &none, BPF_NOEXIST);
		amount = bpf_map_lookup_elem(&fragments, &key);
		if (!amount)
			return;
	}
	__sync_fetch_and_add(&amount->bytes, wire_bytes);
	__sync_fetch_and_add(&amount->packets, 1);
}

/* Sets `wire` to what the fragments of a datagram took, when it came in fragments. */
static __always_inline void fragments_take(const struct packet *packet, struct pnm_wire_amount *wire)
{
	struct pnm_datagram key;

	if (!fragments_seen)
		return;
	datagram_key(&key, packet);
	struct pnm_wire_amount *amount = bpf_map_lookup_elem(&fragments, &key);

	if (!amount)
		return;
	*wire = *amount;
	bpf_map_delete_elem(&fragments, &key);
}

static __always_inline void connection_key(struct pnm_connection *key, const union address *local,
					   __u16 local_port, const union address *remote, __u16 remote_port)
{
	__builtin_memcpy(key->local_address, local->bytes, sizeof(key->local_address));
	__builtin_memcpy(key->remote_address, remote->bytes, sizeof(key->remote_address));
	key->local_port = local_port;
	key->remote_port = remote_port;
}

/* A packet that is sent or received on behalf of a connection in TIME_WAIT counts on the connection's last
 * flow. User space leaves the slots of closed connections alone for a while. False when there is no such
 * connection. */
static __always_inline bool count_time_wait(const struct packet *packet, bool is_out,
					    struct pnm_wire_amount wire)
{
	struct pnm_connection key;
	struct payload_delta nothing = {};

	if (is_out)
		connection_key(&key, &packet->source, packet->source_port, &packet->destination,
			       packet->destination_port);
	else
		connection_key(&key, &packet->destination, packet->destination_port, &packet->source,
			       packet->source_port);
	struct pnm_last_flow *last = bpf_map_lookup_elem(&time_wait, &key);

	if (!last)
		return false;
	__u32 slot = last->slot;
	struct pnm_flow *flow = bpf_map_lookup_elem(&flows, &slot);

	if (!flow || flow->key.socket_cookie != last->socket_cookie || flow->retired)
		return false;
	count(&flow->counters, is_out, wire, nothing);
	flow->last_ns = bpf_ktime_get_ns();
	return true;
}

/* --- tc: packets as the interface carries them --- */

/* The socket that a packet is sent for: a SYN-ACK belongs to a connection that is none yet, so it counts on
 * the listening socket. */
static __always_inline struct bpf_sock *sender_of(struct bpf_sock *sk)
{
	struct bpf_sock *full = bpf_sk_fullsock(sk);

	return full ? full : bpf_get_listener_sock(sk);
}

SEC("tc")
int count_egress(struct __sk_buff *skb)
{
	__u32 index = skb->ifindex;
	struct bpf_sock *sk = skb->sk;
	struct pnm_socket *socket = NULL;
	struct packet packet;

	if (!sk || (skb->tc_index & settings.counted_out))
		return TC_NEXT;
	sk = sender_of(sk);
	if (sk)
		socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	/* packet_out() has counted what other network namespaces send. */
	if (socket && (socket->flags & PNM_SOCKET_FOREIGN))
		return TC_NEXT;
	struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

	/* Until the device is marked, packet_out() counts for it. */
	if (!device || !device->attached || !packet_read(skb, &packet))
		return TC_NEXT;

	/* The queueing layer has worked out the size of all segments; it knows the encapsulations too. */
	struct pnm_wire_amount wire = {.bytes = skb->wire_len,
				       .packets = skb->gso_segs > 1 ? skb->gso_segs : 1};

	if (sk && socket) {
		skb->tc_index |= settings.counted_out;
		count_packet(skb, sk, socket, &packet, true, skb->len - device->link_header_bytes, wire);
	} else if (packet.protocol == IPPROTO_TCP && count_time_wait(&packet, true, wire)) {
		skb->tc_index |= settings.counted_out;
	}
	return TC_NEXT;
}

/* TCP only: its socket can be found by the addresses. Which socket a datagram reaches is known for certain
 * only at the socket (SO_REUSEPORT groups, multicast to several, connected before wildcard), so packet_in()
 * counts datagrams, and also TCP that is not found here (translated addresses, other network namespaces). */
SEC("tc")
int count_ingress(struct __sk_buff *skb)
{
	__u32 index = skb->ifindex;
	struct bpf_sock_tuple tuple = {};
	struct packet packet;
	__u32 tuple_bytes;

	if (skb->tc_index & settings.counted_in)
		return TC_NEXT;
	if (!packet_read(skb, &packet))
		return TC_NEXT;
	if (packet.protocol != IPPROTO_TCP && !packet.is_fragment)
		return TC_NEXT;
	struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

	if (!device)
		return TC_NEXT;
	if (packet.is_fragment) {
		fragment_note(&packet, skb->len);
		return TC_NEXT;
	}
	__u32 network_bytes = skb->len - device->link_header_bytes;
	struct pnm_wire_amount wire = wire_amount_of(skb, &packet, network_bytes, device->link_header_bytes);

	if (packet.is_ipv4) {
		tuple.ipv4.saddr = packet.source.words[3];
		tuple.ipv4.daddr = packet.destination.words[3];
		tuple.ipv4.sport = bpf_htons(packet.source_port);
		tuple.ipv4.dport = bpf_htons(packet.destination_port);
		tuple_bytes = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, packet.source.words, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, packet.destination.words, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = bpf_htons(packet.source_port);
		tuple.ipv6.dport = bpf_htons(packet.destination_port);
		tuple_bytes = sizeof(tuple.ipv6);
	}
	struct bpf_sock *found = bpf_skc_lookup_tcp(skb, &tuple, tuple_bytes, BPF_F_CURRENT_NETNS, 0);

	if (!found)
		return TC_NEXT;
	struct bpf_sock *sk = bpf_sk_fullsock(found);

	if (!sk)
		sk = bpf_get_listener_sock(found);
	if (sk) {
		struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

		if (socket) {
			skb->tc_index |= settings.counted_in;
			count_packet(skb, sk, socket, &packet, false, network_bytes, wire);
		}
	} else if (count_time_wait(&packet, false, wire)) {
		skb->tc_index |= settings.counted_in;
	}
	bpf_sk_release(found);
	return TC_NEXT;
}

/* --- cgroup_skb: what tc cannot attribute; here the socket is given, in every network namespace --- */

static __always_inline void count_at_socket(struct __sk_buff *skb, bool is_out)
{
	__u32 index = skb->ifindex;
	struct packet packet;
	__u32 link_header_bytes = DEFAULT_LINK_HEADER_BYTES;
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);

	if (!socket)
		return;
	if (!(socket->flags & PNM_SOCKET_FOREIGN)) {
		struct pnm_device *device = bpf_map_lookup_elem(&devices, &index);

		if (device) {
			if (is_out && device->attached)
				return; /* count_egress() will */
			link_header_bytes = device->link_header_bytes;
		}
	}
	if (!packet_read(skb, &packet))
		return;
	struct pnm_wire_amount wire = wire_amount_of(skb, &packet, skb->len, link_header_bytes);

	if (!is_out)
		fragments_take(&packet, &wire);
	count_packet(skb, sk, socket, &packet, is_out, skb->len, wire);
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	count_at_socket(skb, true);
	return CGROUP_ALLOW;
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	if (!(skb->tc_index & settings.counted_in))
		count_at_socket(skb, false);
	return CGROUP_ALLOW;
}

/* --- cgroup: who owns a socket; these run in the caller's own context --- */

static __always_inline void socket_track(void *context, struct bpf_sock *sk, __u64 network_namespace)
{
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!owner || !socket)
		return;
	owner_set_to_caller(owner);
	socket_reset(socket, bpf_get_socket_cookie(context),
		     is_foreign(network_namespace) ? PNM_SOCKET_FOREIGN : 0);
}

SEC("cgroup/sock_create")
int socket_created(struct bpf_sock *sk)
{
	if (is_counted_protocol(sk->family, sk->type, sk->protocol))
		socket_track(sk, sk, bpf_get_netns_cookie(sk));
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
	if (sk->protocol == IPPROTO_TCP) {
		/* TCP goes on after the last descriptor is closed, until tcp_progress() sees TCP_CLOSE.
		 * Adopted connections have no such callback: what little they still send opens a flow that is
		 * closed. */
		if (!(socket->flags & PNM_SOCKET_ADOPTED))
			return CGROUP_ALLOW;
		socket->flags |= PNM_SOCKET_RELEASED;
	}
	socket_close(socket, owner, sk->protocol, PNM_EVENT_CLOSED, &ends);
	return CGROUP_ALLOW;
}

/* connect() and sendmsg() say who uses a socket that was there before the helper; connect() also says who
 * uses one that another process made and handed on before it was connected. */
static __always_inline void socket_used(struct bpf_sock_addr *context, bool is_connect)
{
	struct bpf_sock *sk = context->sk;

	if (!sk || !is_counted_protocol(context->family, context->type, context->protocol))
		return;
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!owner) {
		socket_track(context, sk, bpf_get_netns_cookie(context));
		return;
	}
	if (is_connect && owner->process_id != bpf_get_current_pid_tgid() >> 32)
		owner_set_to_caller(owner);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *context)
{
	socket_used(context, true);
	return CGROUP_ALLOW;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *context)
{
	socket_used(context, true);
	return CGROUP_ALLOW;
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *context)
{
	socket_used(context, false);
	return CGROUP_ALLOW;
}

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *context)
{
	socket_used(context, false);
	return CGROUP_ALLOW;
}

/* --- sock_ops: the life of a TCP connection --- */

/* tc sees a packet before TCP has taken it in, so the last acknowledgement of an exchange would wait for the
 * next packet to be counted. The callbacks come right after. */
static __always_inline void progress_note(struct bpf_sock_ops *context, struct pnm_socket *socket,
					  __u8 previous_state, __u8 state)
{
	struct pnm_flow *flow = last_flow(socket);
	struct tcp_progress now = {
	    .bytes_acked = context->bytes_acked,
	    .bytes_received = context->bytes_received,
	    .rcv_nxt = context->rcv_nxt,
	    .snd_nxt = context->snd_nxt,
	    .snd_una = context->snd_una,
	    .state = state,
	    .previous_state = previous_state,
	};

	if (!flow)
		return;
	count_payload(&flow->counters, payload_advance(socket, &now));
	flow->state = state;
	flow->rtt_us = context->srtt_us >> 3;
	flow->retransmits = context->total_retrans;
}

static __always_inline void time_wait_note(const struct pnm_socket *socket, const struct endpoints *ends)
{
	struct pnm_connection key;
	struct pnm_last_flow last = {.socket_cookie = socket->cookie, .slot = socket->slot};

	connection_key(&key, &ends->local, ends->local_port, &ends->remote, ends->remote_port);
	bpf_map_update_elem(&time_wait, &key, &last, BPF_ANY);
}

static __always_inline void callbacks_enable(struct bpf_sock_ops *context)
{
	/* Added to what other programs asked for. */
	bpf_sock_ops_cb_flags_set(context, context->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG |
					       BPF_SOCK_OPS_RTT_CB_FLAG);
}

SEC("sockops")
int tcp_progress(struct bpf_sock_ops *context)
{
	struct endpoints ends;
	struct bpf_sock *sk = context->sk;
	__u32 operation = context->op;

	if (!sk)
		return CGROUP_ALLOW;
	struct pnm_socket *socket = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	struct pnm_owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (!socket || !owner)
		return CGROUP_ALLOW;
	switch (operation) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		socket->flags = (socket->flags | PNM_SOCKET_OUTGOING) & ~PNM_SOCKET_ADOPTED;
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_OPENED, owner, socket->cookie, IPPROTO_TCP, true, &ends);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		socket->flags |= PNM_SOCKET_LISTENING;
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_LISTENING, owner, socket->cookie, IPPROTO_TCP, false, &ends);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		/* The entry is still the listener's, copied when this socket was made. */
		socket_reset(socket, bpf_get_socket_cookie(context), socket->flags & PNM_SOCKET_FOREIGN);
		callbacks_enable(context);
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_ESTABLISHED, owner, socket->cookie, IPPROTO_TCP, false, &ends);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		endpoints_of_socket(&ends, sk);
		event_emit(PNM_EVENT_ESTABLISHED, owner, socket->cookie, IPPROTO_TCP, true, &ends);
		break;
	case BPF_SOCK_OPS_RTT_CB:
		progress_note(context, socket, context->state, context->state);
		break;
	case BPF_SOCK_OPS_STATE_CB: {
		__u8 previous = context->args[0], state = context->args[1];

		progress_note(context, socket, previous, state);
		if (state == TCP_CLOSE) {
			endpoints_of_socket(&ends, sk);
			if (previous == TCP_FIN_WAIT2 || previous == TCP_CLOSING)
				time_wait_note(socket, &ends);
			socket_close(socket, owner, IPPROTO_TCP,
				     previous == TCP_SYN_SENT ? PNM_EVENT_FAILED : PNM_EVENT_CLOSED, &ends);
		}
		break;
	}
	}
	return CGROUP_ALLOW;
}
