/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a training thread did that is told with its next event: the torch record_function ranges it is
 * in (they nest, and a range's end does not say whose it is), and that it cleared its gradients. */
#pragma once
#include "bpf/lib/bpf.h"

#define MAX_OPEN_RANGES 32 /* deeper ones are counted and not told apart */

struct training_thread {
  __u64 cleared_ns; /* training_event.cleared_ns of the next event */
  __u32 depth;
  __u8 end_actions[MAX_OPEN_RANGES]; /* enum training_action to report at its end, TRAINING_NONE */
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct training_thread);
} training_threads SEC(".maps");

static __always_inline struct training_thread *training_thread(__u64 flags) {
  return bpf_task_storage_get(&training_threads, bpf_get_current_task_btf(), NULL, flags);
}
