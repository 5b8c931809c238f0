/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Units of work that lie on a queue between threads: so that a take which passes two probes on its way
 * is reported once. An evicted unit is reported once more. */
#pragma once
#include "bpf/lib/bpf.h"

struct work_key {
  __u64 pid;
  __u64 work;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct work_key);
  __type(value, __u8);
} given_work SEC(".maps");
