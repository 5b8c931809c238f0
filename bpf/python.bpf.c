/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CPython's contexts: which was made out of which. The agent attaches these programs to instructions
 * of a followed process's interpreter at which a new context is in a register (agent/runtime). */
#include "bpf/events/python_probe.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/task.h"
#include "bpf/lib/value_place.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe")
int python_context_created(struct pt_regs *regs) {
  __u32 pid = bpf_get_current_pid_tgid() >> 32;
  struct followed_process *process = followed_process(pid);
  if (!process || process->runtime.kind != RUNTIME_PYTHON) return 0;
  __u64 cookie = bpf_get_attach_cookie((void *)regs);
  __u64 child = value_at_place(regs, cookie);
  /* Some sites also lie on ways that fail. */
  if (!is_python_context(&process->runtime, child)) return 0;
  struct task_start_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_TASK_START);
  event->parent = 0;
  if (cookie & PYTHON_PARENT_IS_CURRENT)
    event->parent =
        python_task(&process->runtime, THREAD_POINTER(bpf_get_current_task_btf()));
  event->child = child;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}
