/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What one packet, or one bundle of segments, adds to a flow. Filled step by step, counted at once. */
#ifndef PROCNETMON_TALLY_H
#define PROCNETMON_TALLY_H

#include "address.h"
#include "maps.h"
#include "tcp.h"

struct tally {
	struct pnm_wire_amount wire;
	struct payload_delta payload;
	struct tcp_progress tcp; /* of a connection */
	struct endpoints ends;
	__u32 network_bytes; /* from the network header on */
	__u16 protocol;      /* of the flow */
	__u8 state;
	__u8 is_connection; /* of TCP, and past the listening socket */
	__u8 is_out;
	__u8 is_estimate; /* `wire` is computed in part */
	__u8 is_payload_estimate;
};

#endif
