/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the ring's reader is doing, written by the agent through a mapping. Waking the reader costs
 * several times what capturing an event does, so it is woken by amount and by time: while it naps
 * it looks by itself every few milliseconds and is woken early only when much has gathered; while
 * it sleeps (nothing happened for a while) the first event wakes it. */
#pragma once
#include "bpf/events/reader_state.h"
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct reader_state);
} reader SEC(".maps");
