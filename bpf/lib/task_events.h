/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the probes in runtimes tell of tasks, to user space and to what carries traces. */
#pragma once
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/task.h"
#include "bpf/lib/trace_context.h"

/* On the current thread; `parent` 0: out of nothing known. */
static __always_inline int report_task_start(__u64 parent, __u64 child) {
  inherit_context(parent, child);
  struct task_start_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_TASK_START);
  event->parent = parent;
  event->child = child;
  event->turn = take_turn(bpf_get_current_task_btf(), 0);
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

/* The current thread's `task` hands a request to whoever writes it to this socket. */
static __always_inline int report_claim(__u64 task, __u64 socket_id) {
  claim_for_current(socket_id);
  struct socket_claim_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_SOCKET_CLAIM);
  event->by.task = task;
  event->by.turn = take_turn(bpf_get_current_task_btf(), 0);
  event->socket_id = socket_id;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}
