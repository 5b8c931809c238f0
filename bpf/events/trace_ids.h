/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ids that the kernel side gives out or sees arrive, where traces are carried between hosts: they
 * have to be known before a request leaves, so user space takes them over. */
#pragma once
#include "bpf/events/socket_event.h"

enum trace_ids_kind {
  TRACE_IDS_BEGUN = 0, /* a served request begins this trace, unless user space finds its parent */
  TRACE_IDS_CALL,      /* a call of this trace; span_id is its own */
  TRACE_IDS_ARRIVED,   /* the request that arrives is a child of this span */
};

/* TCP only. The request is the one whose first byte has `position` in its direction. */
struct trace_ids_event {
  struct event_header header; /* ARRIVED: of whatever ran at that moment */
  struct socket_endpoints endpoints;
  __u32 position;
  __u8 kind;    /* enum trace_ids_kind */
  __u8 sampled; /* the trace-flags bit */
  __u8 pad[2];
  __u8 trace_id[16];
  __u8 span_id[8]; /* BEGUN: zero */
};
TACIT_STATIC_ASSERT(sizeof(struct trace_ids_event) == 104, "no hidden padding");
