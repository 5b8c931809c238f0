/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The torch record_function ranges that a thread is in: they nest, and a range's end does not say
 * whose it is. */
#pragma once
#include "bpf/lib/bpf.h"

#define MAX_OPEN_RANGES 32 /* deeper ones are counted and not told apart */

struct open_ranges {
  __u32 depth;
  __u8 end_actions[MAX_OPEN_RANGES]; /* enum training_action to report at its end, TRAINING_NONE */
};

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct open_ranges);
} training_threads SEC(".maps");
