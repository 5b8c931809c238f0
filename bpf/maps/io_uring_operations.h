/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Socket operations that went through io_uring and so past the syscall probes: process id → count. */
#pragma once
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, __u64);
} io_uring_operations SEC(".maps");
