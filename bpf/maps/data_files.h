/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Open files that were reported (events/training.h): process id << 32 | descriptor. What is not
 * closed before its process ends makes room as the oldest. */
#pragma once
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, __u8);
} data_files SEC(".maps");
