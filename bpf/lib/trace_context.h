/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The trace that something works for, found at the moment it makes a call. The rules are those of
 * agent/trace as far as they can be known at once; user space has the last word on parents, so a
 * wrong answer here could at worst put a call into a trace of its own. */
#pragma once
#include "bpf/lib/task.h"
#include "bpf/maps/trace_contexts.h"

/* Set before loading: without carriers nothing below happens. */
const volatile __u8 carries_traces = 0;

static __always_inline struct worker_key task_key(__u64 task) {
  struct worker_key key = {.task = task, .pid = bpf_get_current_pid_tgid() >> 32};
  return key;
}

static __always_inline struct worker_key thread_key(void) {
  __u64 pid_tgid = bpf_get_current_pid_tgid();
  struct worker_key key = {.pid = pid_tgid >> 32, .thread = (__u32)pid_tgid};
  return key;
}

/* What the current thread read and has not waited since; NULL: nothing. */
static __always_inline struct trace_context *context_of_thread(void) {
  struct worker_key key = thread_key();
  struct trace_context *context = bpf_map_lookup_elem(&trace_contexts, &key);
  if (!context) return NULL;
  __u64 turn = take_turn(bpf_get_current_task_btf(), 0);
  return context->turn >> 32 == turn >> 32 ? context : NULL;
}

static __always_inline struct trace_context *context_of_task(__u64 task) {
  struct worker_key key = task_key(task);
  struct trace_context *context = bpf_map_lookup_elem(&trace_contexts, &key);
  if (!context || !context->turn) return context;
  return context->turn == take_turn(bpf_get_current_task_btf(), 0) ? context : NULL;
}

static __always_inline struct trace_context *context_of(__u64 task) {
  struct trace_context *context = task ? context_of_task(task) : NULL;
  return context ? context : context_of_thread();
}

/* `child` was made out of `parent`, or outside of any task where that is 0. */
__noinline int inherit_context(__u64 parent, __u64 child) {
  if (!carries_traces || !child) return 0;
  struct worker_key key = task_key(child);
  struct trace_context *from = parent ? context_of_task(parent) : context_of_thread();
  if (!from) {
    bpf_map_delete_elem(&trace_contexts, &key); /* the number was another task's before */
    return 0;
  }
  struct trace_context copy = *from;
  copy.socket = 0;
  copy.turn = 0;
  bpf_map_update_elem(&trace_contexts, &key, &copy, BPF_ANY);
  return 0;
}

/* The first task that a thread runs after it read a request outside of any: that request's, as long
 * as nothing else comes in. */
__noinline int enter_context(__u64 task) {
  if (!carries_traces) return 0;
  struct trace_context *from = context_of_thread();
  if (!from || from->turn != take_turn(bpf_get_current_task_btf(), 0)) return 0;
  struct worker_key key = task_key(task);
  struct trace_context copy = *from;
  copy.socket = 0;
  bpf_map_update_elem(&trace_contexts, &key, &copy, BPF_ANY);
  return 0;
}

/* The next request on this socket is made for the current task. */
__noinline int claim_for_current(__u64 socket_id) {
  if (!carries_traces) return 0;
  struct trace_context *context = context_of(current_task());
  struct trace_context copy = {.nobody = !context};
  if (context) copy = *context;
  bpf_map_update_elem(&claimed_contexts, &socket_id, &copy, BPF_ANY);
  return 0;
}
