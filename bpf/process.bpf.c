/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Life of processes: children of a followed process are followed from their first instruction, so a
 * process that lives 10 ms is seen like any other. */
#include "bpf/events/process_event.h"
#include "bpf/lib/bpf.h"
#include "bpf/lib/emit.h"
#include "bpf/lib/registers.h"
#include "bpf/lib/task.h"
#include "bpf/maps/followed_processes.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 1: execs of every process are reported, so that selectors can choose it. */
const volatile __u32 offer_execs = 0;
/* 0: nobody asks who caused what (metrics alone). */
const volatile __u32 track_causes = 1;

static __always_inline int report_thread(struct task_struct *child) {
  struct thread_start_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_THREAD_START);
  event->by = current_task_ref();
  event->child_tid = child->pid;
  event->pad = 0;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

#define PF_FORKNOEXEC 0x40 /* include/linux/sched.h */
#define SHORT_LIFE_NS 50000000
#define SHORT_CHILDREN 8 /* in a row: their probes cost more than they tell */

/* A child that may train at once is not seen before its probes are in place. One that has its parent's
 * memory (vfork) is about to become another program. */
static __always_inline bool is_urgent(const struct followed_process *followed,
                                      struct task_struct *parent, struct task_struct *child) {
  return followed->flags & FOLLOWED_FILES && followed->short_children < SHORT_CHILDREN &&
         child->mm != parent->mm;
}

static __always_inline void note_life(struct task_struct *task) {
  struct followed_process *parent = followed_process(task->real_parent->tgid);
  if (!parent || !(parent->flags & FOLLOWED_FILES) || !(task->flags & PF_FORKNOEXEC)) return;
  if (bpf_ktime_get_ns() - task->group_leader->start_time >= SHORT_LIFE_NS)
    parent->short_children = 0;
  else if (parent->short_children < SHORT_CHILDREN)
    parent->short_children++;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child) {
  __u32 parent_pid = parent->tgid, child_pid = child->tgid;
  struct followed_process *followed = followed_process(parent_pid);
  if (!followed) return 0;
  if (child_pid == parent_pid) return track_causes ? report_thread(child) : 0;
  /* The child's memory is a copy, so its runtime lies where the parent's does. */
  if (bpf_map_update_elem(&followed_processes, &child_pid, followed, BPF_ANY)) {
    count_drop(DROP_PROCESS_TABLE);
    return 0;
  }
  struct followed_process *copy = followed_process(child_pid);
  if (copy) copy->code_ns = copy->short_children = 0; /* of the parent's life */
  struct process_fork_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_PROCESS);
    return 0;
  }
  fill_header(&event->header, EVENT_PROCESS_FORK);
  event->child_start_time_ns = child->start_boottime;
  event->child_pid = child_pid;
  event->pad = 0;
  event->by = current_task_ref();
  bpf_ringbuf_submit(event, is_urgent(followed, parent, child) ? wake_now_flags() : wake_flags());
  return 0;
}

/* Copies [begin, end) of the new image's memory; returns how much of it was copied. */
static __always_inline __u32 copy_area(char *out, __u32 size, unsigned long begin,
                                       unsigned long end, __u32 *total) {
  __u64 length = end > begin ? end - begin : 0;
  *total = length;
  if (length > size) length = size;
  if (length && bpf_probe_read_user(out, (__u32)length, (void *)begin)) {
    count_drop(DROP_USER_MEMORY);
    return 0;
  }
  return length;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm) {
  __u32 pid = task->tgid;
  struct followed_process *followed = followed_process(pid);
  if (!followed && !offer_execs) return 0;
  /* What was known of the program before, or of the parent that this one was forked from. */
  if (followed) __builtin_memset(followed, 0, sizeof(*followed));
  struct process_exec_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_PROCESS);
    return 0;
  }
  fill_header(&event->header, EVENT_PROCESS_EXEC);
  event->start_time_ns = task->group_leader->start_boottime;
  event->parent_pid = task->real_parent->tgid;
  event->followed = followed != NULL;
  bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), task->comm);
  struct mm_struct *mm = task->mm;
  event->args_bytes = copy_area(event->args, PROCESS_ARGS_BYTES, mm->arg_start, mm->arg_end,
                                &event->args_total);
  event->env_bytes =
      copy_area(event->env, PROCESS_ENV_BYTES, mm->env_start, mm->env_end, &event->env_total);
  bpf_ringbuf_submit(event, wake_now_flags());
  return 0;
}

/* Its process goes on: not the end of all, and not by an exec. */
static __always_inline int report_thread_end(struct task_struct *task) {
  if (!track_causes || task->signal->flags & SIGNAL_GROUP_EXIT || !is_followed(task->tgid)) return 0;
  struct thread_end_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_TASK);
    return 0;
  }
  fill_header(&event->header, EVENT_THREAD_END);
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task) {
  __u32 pid = task->tgid;
  /* do_exit() has counted this thread out already: at 0 the whole process is gone. */
  if (task->signal->live.counter != 0) return report_thread_end(task);
  if (!is_followed(pid)) return 0;
  note_life(task);
  bpf_map_delete_elem(&followed_processes, &pid);
  struct process_exit_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_drop(DROP_RING_FULL_PROCESS);
    return 0;
  }
  fill_header(&event->header, EVENT_PROCESS_EXIT);
  event->start_time_ns = task->group_leader->start_boottime;
  event->exit_code = task->signal->group_exit_code;
  if (!event->exit_code) event->exit_code = task->exit_code;
  event->pad = 0;
  bpf_ringbuf_submit(event, wake_flags());
  return 0;
}
