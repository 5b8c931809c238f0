/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TCP option that carries a trace context between two agents: kind 254 for experiments
 * (RFC 4727) with a 16-bit experiment id (RFC 6994), then the trace and span id of W3C trace context
 * as bytes. 28 bytes are what timestamps leave of a header's 40, so the sampled flag lies in the id.
 * It stands in the segment that begins with a request's first byte, and speaks of that request. */
#pragma once
#include "bpf/events/types.h"

#define CONTEXT_OPTION_KIND 254
#define CONTEXT_OPTION_BYTES 28
#define CONTEXT_OPTION_NOT_SAMPLED 0x7AC0
#define CONTEXT_OPTION_SAMPLED 0x7AC1

struct context_option {
  __u8 kind;
  __u8 bytes;
  __u8 experiment[2]; /* network byte order */
  __u8 trace_id[16];
  __u8 span_id[8];
};
TACIT_STATIC_ASSERT(sizeof(struct context_option) == CONTEXT_OPTION_BYTES, "as on the wire");
