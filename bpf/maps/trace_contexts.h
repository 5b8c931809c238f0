/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which trace a task or a thread works for, where traces are carried between hosts. Sized by the
 * agent before loading; elsewhere one unused entry. */
#pragma once
#include "bpf/lib/bpf.h"

struct worker_key {
  __u64 task;   /* 0: a thread without a runtime's task */
  __u32 pid;
  __u32 thread; /* 0: a task */
};

struct trace_context {
  __u8 trace_id[16];
  __u64 turn;   /* threads: when the request was read; tasks: 0, or the only turn it holds for */
  __u64 socket; /* read there by this worker itself; 0: inherited */
  __u8 known;   /* 0: it serves something whose trace is not known here */
  __u8 sampled;
  __u8 shared;   /* several connections read in one task */
  __u8 answered; /* the answer has begun */
  __u8 nobody;   /* claimed by what serves no request */
  __u8 pad[3];
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __type(key, struct worker_key);
  __type(value, struct trace_context);
} trace_contexts SEC(".maps");

/* Requests that the runtime hands to a connection's writer: socket inode number → for whom. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1);
  __type(key, __u64);
  __type(value, struct trace_context);
} claimed_contexts SEC(".maps");
