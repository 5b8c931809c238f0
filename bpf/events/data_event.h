/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
#include "bpf/events/task.h"

enum data_direction {
  DATA_RECEIVE = 0,
  DATA_SEND = 1,
};

enum data_flags {
  DATA_FLAG_END = 1,   /* receive returned 0: the peer closed its side */
  DATA_FLAG_ERROR = 2, /* the call failed with data_event.error */
};

/* One transfer on a stream socket by a selected process, seen as the syscall returned.
 *
 * Positions count the bytes of one direction, modulo 2^32, from an arbitrary start (TCP: the
 * sequence numbers). `position` is the end of this transfer, so it covers
 * [position - total_bytes - inserted_bytes, position); a difference to the last seen end is bytes
 * that were not seen. `peer_position` is how far the *other* direction had come at the same moment: bytes beyond
 * it cannot have caused, or been caused by, this transfer. */
struct data_event {
  struct event_header header;
  __u64 socket_id;
  __u32 position;
  __u32 peer_position;
  __u32 total_bytes;
  __u32 captured_bytes; /* how many of the first total_bytes follow this struct */
  __u8 direction;       /* enum data_direction */
  __u8 flags;           /* enum data_flags */
  __u16 error;          /* errno */
  __u32 inserted_bytes; /* stand in front of these in the stream and are not the process's */
  struct task_ref by; /* a receive counts itself: what it causes at once has the same turn */
};
TACIT_STATIC_ASSERT(sizeof(struct data_event) == 72, "no hidden padding");
