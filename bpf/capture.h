/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Copies of payload by which user space tells what is spoken and to whom: the first bytes of a flow, each
 * way, and afterwards, where user space asks for it, single messages. Only of processes that are inspected;
 * as long as none is, a packet costs one comparison here.
 *
 * What is known of a flow stands in its slot. User space says there when it has seen enough (`inspection`)
 * and how many further messages it wants (`message_credit`). */
#ifndef PROCNETMON_CAPTURE_H
#define PROCNETMON_CAPTURE_H

#include "flow.h"
#include "ipsec.h"
#include "maps.h"
#include "packet.h"
#include "tally.h"
#include "tcp.h"

/* The first of these that holds a copy is taken, so that small ones leave room in the ring for others. */
#define SAMPLE_SMALL_BYTES  256
#define SAMPLE_MEDIUM_BYTES 1024

/* A head of HTTP, with what tells the resource and the host; cookies and the like come later in most. */
#define SAMPLE_MESSAGE_BYTES 1536

/* Records that do not wake user space by themselves do so when the ring is this full. */
#define SAMPLE_CROWDED_BYTES (PNM_SAMPLE_RING_BYTES / 2)

/* Content of one packet. */
struct payload {
	__u64 offset; /* TCP: place of the first byte in the stream, from 0 on; datagrams: 0 */
	__u32 start;  /* from skb->data on; read with bpf_skb_load_bytes(), as it lies in pages mostly */
	__u32 bytes;
	__u32 slot;
	bool is_out;
};

/* Where TCP payload stands in its stream. The kernel's counts of bytes acknowledged and received say how far
 * the stream had come at snd_una and rcv_nxt; they include our SYN on connections that we opened. */
static __always_inline __u64 stream_offset(const struct pnm_socket *socket, const struct packet *packet,
					   const struct tcp_progress *tcp, bool is_out)
{
	__u32 first = packet->sequence + packet->is_syn;

	if (!is_out)
		return tcp->bytes_received + (__s64)(__s32)(first - tcp->rcv_nxt);
	return tcp->bytes_acked - (socket->flags & PNM_SOCKET_OUTGOING ? 1 : 0) +
	       (__s64)(__s32)(first - tcp->snd_una);
}

/* Content of a packet, without the padding of short Ethernet frames. The length in the IP header is that of
 * the whole bundle where segments come in one (GSO, GRO), and 0 where that is too large for it. */
static __always_inline __u32 payload_bytes_of(const struct packet *packet, __u32 network_bytes)
{
	__u32 header_bytes = packet->network_header_bytes + packet->transport_header_bytes;
	__u32 total_bytes = packet->total_bytes > header_bytes && packet->total_bytes < network_bytes
				? packet->total_bytes
				: network_bytes;

	/* Nothing but headers, and padding perhaps. */
	if (packet->total_bytes == header_bytes)
		return 0;
	return total_bytes > header_bytes ? total_bytes - header_bytes : 0;
}

/* Whether a segment begins like a request or an answer of HTTP/1. What else begins so is told apart by user
 * space. */
static __always_inline bool is_http_head(struct __sk_buff *skb, const struct payload *payload)
{
	__u32 word;

	if (payload->bytes < 16 || bpf_skb_load_bytes(skb, payload->start, &word, sizeof(word)))
		return false;
	switch (bpf_ntohl(word)) {
	case 0x48545450: /* HTTP */
	case 0x47455420: /* GET  */
	case 0x504f5354: /* POST */
	case 0x50555420: /* PUT  */
	case 0x50415443: /* PATC */
	case 0x44454c45: /* DELE */
	case 0x48454144: /* HEAD */
	case 0x4f505449: /* OPTI */
	case 0x434f4e4e: /* CONN */
	case 0x54524143: /* TRAC */
		return true;
	default:
		return false;
	}
}

/* `capacity` and `wakes` are constants wherever this is inlined: the ring takes records of constant size
 * only. */
static __always_inline void sample_copy(struct __sk_buff *skb, const struct pnm_flow *flow,
					const struct payload *payload, __u32 copied, const __u32 capacity,
					bool wakes)
{
	struct pnm_sample *sample = bpf_ringbuf_reserve(&samples, sizeof(*sample) + capacity, 0);
	__u64 flags = BPF_RB_FORCE_WAKEUP;

	if (!sample) {
		__sync_fetch_and_add(&statistics.dropped_samples, 1);
		return;
	}
	sample->time_ns = bpf_ktime_get_ns();
	sample->socket_cookie = flow->key.socket_cookie;
	sample->offset = payload->offset;
	sample->slot = payload->slot;
	sample->process_id = flow->key.process_id;
	sample->payload_bytes = payload->bytes;
	sample->copied_bytes = copied;
	sample->segment_bytes = flow->protocol == IPPROTO_UDP && skb->gso_segs > 1 ? skb->gso_size : 0;
	__builtin_memcpy(sample->local_address, flow->local_address, sizeof(sample->local_address));
	__builtin_memcpy(sample->remote_address, flow->key.remote_address, sizeof(sample->remote_address));
	sample->local_port = flow->local_port;
	sample->remote_port = flow->key.remote_port;
	sample->protocol = flow->protocol;
	sample->is_sent = payload->is_out;
	sample->is_outgoing = flow->flags & PNM_FLOW_OUTGOING ? 1 : 0;
	__builtin_memset(sample->padding, 0, sizeof(sample->padding));
	/* From 1 to the capacity, a power of two, which it is already. The verifier is to see it too: that
	 * of 5.10 learns nothing of a lower bound from a comparison with 0. */
	__u64 length = copied - 1;

	BPF_VARIABLE(length);
	length = (length & (capacity - 1)) + 1;
	if (bpf_skb_load_bytes(skb, payload->start, sample + 1, length)) {
		bpf_ringbuf_discard(sample, BPF_RB_NO_WAKEUP);
		return;
	}
	if (!wakes && bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) < SAMPLE_CROWDED_BYTES)
		flags = BPF_RB_NO_WAKEUP;
	bpf_ringbuf_submit(sample, flags);
	__sync_fetch_and_add(&statistics.samples, 1);
}

static __always_inline void payload_sample(struct __sk_buff *skb, struct pnm_flow *flow,
					   const struct payload *payload, __u32 limit, bool wakes)
{
	__u32 copied = payload->bytes < limit ? payload->bytes : limit;

	if (copied <= SAMPLE_SMALL_BYTES)
		sample_copy(skb, flow, payload, copied, SAMPLE_SMALL_BYTES, wakes);
	else if (copied <= SAMPLE_MEDIUM_BYTES)
		sample_copy(skb, flow, payload, copied, SAMPLE_MEDIUM_BYTES, wakes);
	else
		sample_copy(skb, flow, payload, copied, PNM_SAMPLE_BUDGET, wakes);
}

/* Whether user space wants a further message; what it misses is counted. */
static __always_inline bool takes_message(struct __sk_buff *skb, struct pnm_flow *flow,
					  const struct payload *payload)
{
	if (!(flow->inspection & PNM_INSPECTION_MESSAGES))
		return false;
	if ((flow->inspection & PNM_INSPECTION_HTTP_HEADS) && !is_http_head(skb, payload))
		return false;
	/* User space fills it up meanwhile, perhaps: then this one is for free. */
	__u32 credit = flow->message_credit;

	if (credit == 0) {
		__sync_fetch_and_add(&statistics.skipped_messages, 1);
		return false;
	}
	flow->message_credit = credit - 1;
	return true;
}

static __always_inline bool is_inspected(struct pnm_flow *flow, __u32 generation)
{
	__u32 process_id = flow->key.process_id;
	const __u32 *wanted = bpf_map_lookup_elem(&watched, &process_id);

	if (wanted && (*wanted & PNM_WATCH_INSPECT) && is_told_of(flow->user_id))
		return true;
	flow->uninspected = generation;
	return false;
}

/* Whether payload_inspect() is to be called at all: it is not for most packets. */
static __always_inline bool may_be_inspected(const struct pnm_flow *flow)
{
	return inspection.generation && flow->uninspected != inspection.generation;
}

/* Copies what user space wants of a packet that was just counted on `flow`. */
STEP int payload_inspect(struct __sk_buff *skb, const struct pnm_socket *socket, struct pnm_flow *flow,
			 const struct packet *packet, const struct tally *tally)
{
	__u32 generation = inspection.generation;
	__u8 wanted = flow->inspection;
	bool is_done = wanted & (tally->is_out ? PNM_INSPECTION_SENT_DONE : PNM_INSPECTION_RECEIVED_DONE);

	if (is_done && !(wanted & PNM_INSPECTION_MESSAGES))
		return 0;
	struct payload payload = {
	    .start = skb->len - tally->network_bytes + packet->network_header_bytes +
		     packet->transport_header_bytes,
	    .bytes = payload_bytes_of(packet, tally->network_bytes),
	    .slot = socket->slot,
	    .is_out = tally->is_out,
	};

	/* A connection that is none yet counts on the listening socket, which has no stream. */
	if (payload.bytes == 0 || packet->is_later_fragment || is_opaque(packet) ||
	    (packet->protocol == IPPROTO_TCP && !tally->is_connection))
		return 0;
	if (!is_inspected(flow, generation))
		return 0;
	if (tally->is_connection)
		payload.offset = stream_offset(socket, packet, &tally->tcp, tally->is_out);

	__u32 sampled = tally->is_out ? flow->sampled_tx : flow->sampled_rx;
	__u32 limit = SAMPLE_MESSAGE_BYTES;
	bool wakes = false;

	if (is_done || sampled >= PNM_SAMPLE_BUDGET) {
		if (!takes_message(skb, flow, &payload))
			return 0;
	} else {
		limit = PNM_SAMPLE_BUDGET - sampled;
		wakes = true;
		__u32 taken = sampled + (payload.bytes < limit ? payload.bytes : limit);

		/* Two CPUs may take the same for free; the ring is bounded, and user space stops it. */
		if (tally->is_out)
			flow->sampled_tx = taken;
		else
			flow->sampled_rx = taken;
	}
	payload_sample(skb, flow, &payload, forgotten(limit), forgotten(wakes));
	return 0;
}

#endif
