/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes whose syscalls are reported: process id → what is known of its runtime. Written by
 * the agent (ProbeSet::follow) and, for children of followed processes, by process.bpf.c. */
#pragma once
#include "bpf/events/followed_process.h"
#include "bpf/lib/bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct followed_process);
} followed_processes SEC(".maps");

static __always_inline struct followed_process *followed_process(__u32 pid) {
  return bpf_map_lookup_elem(&followed_processes, &pid);
}

static __always_inline bool is_followed(__u32 pid) { return followed_process(pid) != NULL; }
