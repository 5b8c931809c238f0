/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A phase of an event loop begins that no syscall announces (agent/runtime/event_loop_image.cpp).
 * What it does is not for what was read before. */
#include "bpf/lib/bpf.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe")
int loop_phase_begins(struct pt_regs *regs) {
  take_turn(bpf_get_current_task_btf(), TURN_INPUT);
  return 0;
}
