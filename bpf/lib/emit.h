/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reserve → fill → submit. A full ring never blocks the target; the loss is counted. */
#pragma once
#include "bpf/events/event_header.h"
#include "bpf/lib/bpf.h"
#include "bpf/maps/drops.h"
#include "bpf/maps/events.h"
#include "bpf/maps/reader.h"

static __always_inline void fill_header(struct event_header *header, __u8 type) {
  __u64 pid_tgid = bpf_get_current_pid_tgid();
  header->time_ns = bpf_ktime_get_ns();
  header->pid = pid_tgid >> 32;
  header->tid = (__u32)pid_tgid;
  header->type = type;
  __builtin_memset(header->pad, 0, sizeof(header->pad));
}

/* Call after the reservation: the reader checks for reserved records before it sleeps. */
static __always_inline __u64 wake_flags(void) {
  __u32 zero = 0;
  struct reader_state *state = bpf_map_lookup_elem(&reader, &zero);
  if (!state || state->activity == READER_AWAKE) return BPF_RB_NO_WAKEUP;
  if (state->activity == READER_NAPPING &&
      bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < state->wake_bytes)
    return BPF_RB_NO_WAKEUP;
  state->activity = READER_AWAKE;
  return BPF_RB_FORCE_WAKEUP;
}

/* For rare events that user space must see at once (a process that may live 10 ms). A reader that is
 * awake may have read its last record before it naps, so it is called too. */
static __always_inline __u64 wake_now_flags(void) {
  __u32 zero = 0;
  struct reader_state *state = bpf_map_lookup_elem(&reader, &zero);
  if (state) state->activity = READER_AWAKE;
  return BPF_RB_FORCE_WAKEUP;
}
