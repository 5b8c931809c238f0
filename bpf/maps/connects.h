/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP connects of followed processes: struct sock * → who began it and when. A failed one stays until
 * the process learns of it, so that it is reported once. */
#pragma once
#include "bpf/events/task.h"
#include "bpf/lib/bpf.h"

struct pending_connect {
  __u64 begin_time_ns;
  __u32 pid;
  __u32 tid;
  __u32 reported; /* 1: a connect_failed_event went out */
  __u32 pad;
  struct task_ref by;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, __u64);
  __type(value, struct pending_connect);
} connects SEC(".maps");
