/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How much of the ring each process that hands over kernel records has used: process id → what it
 * may still send. Removed by the agent when the process is forgotten (ProbeSet::forget). */
#pragma once
#include "bpf/lib/bpf.h"

struct gpu_sender {
  __u64 paid_until_ns; /* every byte it puts into the ring moves this on; ahead of now by a burst at most */
  __u64 lost_slots;    /* of its blocks that went lost; ever */
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u32);
  __type(value, struct gpu_sender);
} gpu_senders SEC(".maps");
