/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space tells of processes and programs where traces are carried between hosts. */
#pragma once
#include "bpf/events/types.h"

/* Ways that a request takes its context along; bits. */
enum carries {
  CARRIES_OPTION = 1, /* in a TCP option */
  CARRIES_HEADER = 2, /* in a traceparent header that is put into it */
};

/* Value of traced_processes (process id): its service's sampler, as trace::Sampler has it. */
struct traced_process {
  __u64 keep_below; /* of a trace id's last 8 bytes as a big-endian number */
  __u8 keep_all;
  __u8 parent_based;
  __u8 carries; /* enum carries: how its requests take their context along */
  __u8 pad[5];
};
TACIT_STATIC_ASSERT(sizeof(struct traced_process) == 16, "no hidden padding");

/* Value of program_traces (process id): a command-line program's own trace, which its calls join. */
struct program_trace {
  __u8 trace_id[16];
  __u8 sampled;
  __u8 pad[7];
};
TACIT_STATIC_ASSERT(sizeof(struct program_trace) == 24, "no hidden padding");

/* What became of requests, counted; the names leave as the label `outcome` of
 * tacit_carried_contexts_total. */
enum carrier_outcome {
  CARRIER_WRITTEN = 0,  /* first segments that took the option along */
  CARRIER_ARRIVED,      /* contexts read from a segment */
  CARRIER_NO_CONTEXT,   /* the request's cause was not known when it was sent */
  CARRIER_NO_ROOM,      /* other options leave no 28 bytes in the segment's header */
  CARRIER_NOT_AT_START, /* the request did not begin a segment, or was sent later than written */
  CARRIER_INJECTED,     /* requests that were given a traceparent header */
  CARRIER_OWN_HEADER,   /* the request has one */
  CARRIER_NOT_WHOLE,    /* its head is not all in the first bytes of one send */
  CARRIER_NOT_PLAIN,    /* no plain HTTP/1.1 request, or what follows it would not be certain */
  CARRIER_BUSY,         /* bytes before it were still under way */
  CARRIER_FAILED,       /* the kernel had no memory for it, or no room for the socket */
  CARRIER_OUTCOME_COUNT,
};
