/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Losses by reason (enum drop_reason), per CPU. */
#pragma once
#include "bpf/events/drop_reason.h"
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, DROP_REASON_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} drops SEC(".maps");

static __always_inline void count_drop(__u32 reason) {
  __u64 *count = bpf_map_lookup_elem(&drops, &reason);
  if (count) *count += 1;
}
